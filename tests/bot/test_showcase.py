"""Hearts bring a picture into the showcase, once, and its member has the last word."""

from typing import Any

import discord
import pytest
from simcord.actors import MemberActor
from sqlalchemy import update

from store.choices import servers
from store.tables.orders import Generation
from tests.bot.messages import gallery, parts, presses, text
from tests.bot.stage import DEFAULTS, Stage
from tests.bot.test_places import grown_up
from tests.bot.test_reports import report


@pytest.fixture
def wall(stage: Stage) -> Any:
    """A showcase channel, for two hearts."""
    channel = stage.guild.create_text_channel("wall")
    with stage.database.begin() as session:
        servers.set_showcase(session, DEFAULTS, stage.guild.id, stage.env.now(), channel.id, 2)
    return channel


async def heart(member: MemberActor, message: Any) -> str:
    pressed = await member.click(message, custom_id=presses(message)["heart"])
    assert pressed.response.ephemeral
    return text(pressed.response)


async def liked(stage: Stage, **options: Any) -> tuple[Any, str]:
    """Let Alex draw and two others give a heart; return the result, and what the last was told."""
    result = await stage.drawn(stage.alex, **options)
    await heart(stage.mei, result.response)
    return result.response, await heart(stage.moderator, result.response)


async def test_enough_hearts_hang_a_picture_with_its_author_and_origin(
    stage: Stage, wall: Any
) -> None:
    message, told = await liked(stage, prompt="a panda", count=2)
    assert f"it hangs in <#{wall.id}> now" in told
    (shown,) = wall.history()
    assert f"♥ 2 · by <@{stage.alex.id}>" in text(shown)
    assert "> a panda" in text(shown)
    assert gallery(shown) == gallery(message)
    (link,) = [part["url"] for part in parts(shown.components) if part.get("url")]
    assert link.endswith(f"/{stage.guild.id}/{stage.channel.id}/{message.id}")


async def test_hearts_count_once_and_a_picture_hangs_once(stage: Stage, wall: Any) -> None:
    result = await stage.drawn(stage.alex)
    assert "1 of 2" in await heart(stage.mei, result.response)
    words = stage.services.texts.of("en-US")
    taken = words("showcase.taken", count=0, votes=2)
    assert await heart(stage.mei, result.response) == taken
    await heart(stage.mei, result.response)
    await heart(stage.moderator, result.response)
    await heart(stage.moderator, result.response)
    await heart(stage.moderator, result.response)
    assert len(wall.history()) == 1


async def test_ones_own_heart_does_not_count_and_offers_to_stay_out(
    stage: Stage, wall: Any
) -> None:
    words = stage.speaks(stage.alex, "zh-CN")
    result = await stage.drawn(stage.alex)
    pressed = await stage.alex.click(result.response, custom_id=presses(result.response)["heart"])
    assert words("showcase.own") in text(pressed.response)
    await stage.alex.click(pressed.response, custom_id="shy:me")
    assert words("showcase.shy") in text(pressed.response)
    _, told = await liked(stage)
    assert "does not want that" in told
    assert wall.history() == []
    await stage.alex.click(pressed.response, custom_id="unshy:me")
    assert words("showcase.own") in text(pressed.response)
    await liked(stage)
    assert len(wall.history()) == 1


async def test_the_author_takes_it_down_and_stays_out(stage: Stage, wall: Any) -> None:
    message, _ = await liked(stage)
    (shown,) = wall.history()
    refused = await stage.mei.click(shown, custom_id=presses(shown)["unshow"])
    told = [one for one in (refused.response, *refused.followups) if one is not None][-1]
    assert told.content == stage.services.texts.of("en-US")("errors.not_yours")
    assert len(wall.history()) == 1
    await stage.alex.click(shown, custom_id=presses(shown)["unshow"])
    assert wall.history() == []
    await heart(stage.moderator, message)
    await heart(stage.moderator, message)
    await liked(stage)
    assert wall.history() == []


async def test_a_moderator_takes_down_one_alone(stage: Stage, wall: Any) -> None:
    message, _ = await liked(stage)
    (shown,) = wall.history()
    await stage.moderator.click(shown, custom_id=presses(shown)["unshow"])
    assert wall.history() == []
    await heart(stage.moderator, message)
    assert "has been taken down" in await heart(stage.moderator, message)
    await liked(stage)
    assert len(wall.history()) == 1


async def test_deleting_the_order_takes_it_down(stage: Stage, wall: Any) -> None:
    message, _ = await liked(stage)
    asked = await stage.alex.click(message, custom_id=presses(message)["delete"])
    await stage.alex.click(asked.response, custom_id=presses(asked.response)["erase"])
    with stage.database.begin() as session:
        assert session.query(Generation).filter(Generation.deleted_at.is_(None)).count() == 0
    assert wall.history() == []


async def test_age_restricted_pictures_stay_among_themselves(stage: Stage, wall: Any) -> None:
    with stage.database.begin() as session:
        session.execute(update(Generation).values(age_restricted=None))
    source = grown_up(stage, stage.channel)
    message, told = await liked(stage)
    assert "It stays here" in told
    assert wall.history() == []
    source.nsfw = False  # which does not make what was drawn there another picture
    await heart(stage.moderator, message)
    assert "It stays here" in await heart(stage.moderator, message)
    grown_up(stage, wall)
    await heart(stage.moderator, message)
    assert "it hangs" in await heart(stage.moderator, message)


async def test_spoilers_stay_spoilers(stage: Stage, wall: Any) -> None:
    await liked(stage, spoiler=True)
    (shown,) = wall.history()
    (item,) = [item for part in parts(shown.components) for item in part.get("items", [])]
    assert item["spoiler"]


async def test_a_showcase_that_cannot_be_written_to_is_tried_again(stage: Stage) -> None:
    me = next(one for one in stage.bot.guilds[0].members if one.id == stage.env.backend.bot_user.id)
    locked = {me: discord.PermissionOverwrite(send_messages=False)}
    closed = stage.guild.create_text_channel("closed", overwrites=locked)
    open_one = stage.guild.create_text_channel("wall")
    for channel, expected in ((closed, "could not be shown"), (open_one, "it hangs in")):
        with stage.database.begin() as session:
            now = stage.env.now()
            servers.set_showcase(session, DEFAULTS, stage.guild.id, now, channel.id, 1)
        if channel is closed:
            result = await stage.drawn(stage.alex)
        assert expected in await heart(
            stage.mei if channel is closed else stage.moderator, result.response
        )
    assert len(open_one.history()) == 1


async def test_the_showcase_is_set_where_the_bot_may_write(stage: Stage) -> None:
    role = stage.guild.create_role("managers", permissions=discord.Permissions(manage_guild=True))
    boss = stage.guild.add_member(stage.env.create_user("boss"), roles=[role])
    wall = stage.guild.create_text_channel("wall")
    shown = await boss.slash(stage.channel, "settings showcase", channel=wall, hearts=5)
    assert f"Showcase: <#{wall.id}>, from 5 ♥ on" in shown.response.content
    me = next(one for one in stage.bot.guilds[0].members if one.id == stage.env.backend.bot_user.id)
    locked = {me: discord.PermissionOverwrite(attach_files=False)}
    closed = stage.guild.create_text_channel("closed", overwrites=locked)
    shown = await boss.slash(stage.channel, "settings showcase", channel=closed)
    assert "I lack Attach Files" in shown.response.content
    shown = await boss.slash(stage.channel, "settings showcase")
    assert "Showcase: off" in shown.response.content


async def test_without_a_showcase_there_are_no_hearts(stage: Stage) -> None:
    result = await stage.drawn(stage.alex)
    assert "heart" not in presses(result.response)


async def test_what_moderators_hide_is_not_hung_afterwards(stage: Stage, wall: Any) -> None:
    office = stage.guild.create_text_channel("office")
    with stage.database.begin() as session:
        servers.set_reports(session, DEFAULTS, stage.guild.id, stage.env.now(), office.id)
    result = await stage.drawn(stage.alex)
    await report(stage, stage.mei, result.response)
    (case,) = office.history()
    await stage.moderator.click(case, custom_id=presses(case)["rhide"])
    await stage.deliver()
    await heart(stage.mei, result.response)
    told = await heart(stage.moderator, result.response)
    assert told == stage.services.texts.of("en-US")("showcase.kept_out")
    assert wall.history() == []
