"""Where the bot may be used and how, told before anything is charged, in the member's language."""

import asyncio
from typing import Any

import discord
import pytest
from simcord.actors import MemberActor

from bot.servers import places
from engine.variants.catalog import Catalog
from store.moderation import audit
from tests.bot.messages import gallery, order_id, parts, presses, text
from tests.bot.stage import Stage
from worker.events import Progress


@pytest.fixture
def catalog() -> Catalog:
    return Catalog.load(["starter", "starter-lightning"])


@pytest.fixture
def boss(stage: Stage) -> MemberActor:
    role = stage.guild.create_role("managers", permissions=discord.Permissions(manage_guild=True))
    return stage.guild.add_member(stage.env.create_user("boss"), roles=[role])


async def say(stage: Stage, member: MemberActor, command: str, /, **options: Any) -> str:
    shown = await member.slash(stage.channel, command, **options)
    told = [shown.response, *shown.followups]
    return "\n".join(one.content for one in told if one is not None)


async def refused(stage: Stage, channel: Any, member: MemberActor, **options: Any) -> str:
    """Order in a channel; return what the member alone is told."""
    shown = await member.slash(channel, "imagine", prompt="a panda", **options)
    (told,) = [one for one in [shown.response, *shown.followups] if one is not None][-1:]
    assert told.ephemeral
    assert channel.history() == []
    return str(told.content)


async def test_a_closed_channel_draws_nothing_and_charges_nothing(
    stage: Stage, boss: MemberActor
) -> None:
    said = await say(stage, boss, "settings channel use", allowed="no")
    assert said == f"### Channels\n📍 <#{stage.channel.id}>: closed"
    words = stage.speaks(stage.alex, "zh-CN")
    assert await refused(stage, stage.channel, stage.alex) == words("errors.channel_closed")
    assert stage.orders() == []
    assert stage.left(stage.alex) == 10
    await say(stage, boss, "settings channel use", allowed="inherit")
    assert order_id((await stage.imagine(stage.alex)).response)


async def test_only_the_channels_of_a_list_are_open(stage: Stage, boss: MemberActor) -> None:
    category = stage.guild.create_category("pictures")
    inside = stage.guild.create_text_channel("inside", category=category)
    await say(stage, boss, "settings channel use", allowed="no", everywhere=True)
    said = await say(stage, boss, "settings channel use", allowed="yes", channel=category)
    assert "📍 Whole server: closed" in said
    assert f"📍 <#{category.id}>: open" in said
    assert "Nothing is drawn in this channel" in await refused(stage, stage.channel, stage.alex)
    shown = await stage.alex.slash(inside, "imagine", prompt="a panda")
    assert order_id(shown.response)


async def test_buttons_ask_the_channel_too(stage: Stage, boss: MemberActor) -> None:
    first = await stage.drawn(stage.alex)
    await say(stage, boss, "settings channel use", allowed="no")
    pressed = await stage.alex.click(first.response, custom_id=presses(first.response)["new"])
    assert "Nothing is drawn in this channel" in pressed.followups[-1].content
    assert len(stage.orders()) == 1


async def test_a_variant_is_kept_out_of_a_channel(stage: Stage, boss: MemberActor) -> None:
    said = await say(stage, boss, "settings channel variant", variant="starter", allowed="no")
    assert said.endswith("🚫 Starter")
    words = stage.speaks(stage.alex, "zh-TW")
    told = await refused(stage, stage.channel, stage.alex, variant="starter")
    assert told == words("errors.channel_forbids_variant", variant=words("variants.starter"))
    await stage.imagine(stage.alex)  # which named none
    assert stage.orders()[0].variant == "starter-lightning"


async def test_a_channel_has_its_own_variant_and_size(stage: Stage, boss: MemberActor) -> None:
    await say(
        stage, boss, "settings channel defaults", variant="starter-lightning", size="portrait"
    )
    await stage.imagine(stage.alex)
    await stage.imagine(stage.alex, variant="starter", size="square")
    mine, typed = (order.request for order in stage.orders())
    assert mine["variant"] == "starter-lightning"
    assert mine["height"] > mine["width"]
    assert (typed["variant"], typed["width"]) == ("starter", typed["height"])
    said = await say(stage, boss, "settings channel defaults", size="enormous")
    assert "is not a size" in said
    said = await say(stage, boss, "settings channel defaults")
    assert "Nothing set" in said


async def test_slow_mode_makes_members_wait_and_moderators_not(
    stage: Stage, boss: MemberActor
) -> None:
    assert "one order every 60 s" in await say(
        stage, boss, "settings channel slow-mode", seconds=60
    )
    await stage.imagine(stage.alex)
    told = await stage.imagine(stage.alex)
    assert told.followups[-1].content.startswith("Slow mode: one order every 60 seconds.")
    await stage.imagine(stage.mei)
    await stage.imagine(stage.moderator)
    await stage.imagine(stage.moderator)
    assert len(stage.orders()) == 4
    assert stage.left(stage.alex) == 9


async def test_pictures_hide_behind_a_spoiler(stage: Stage, boss: MemberActor) -> None:
    await say(stage, boss, "settings channel spoiler", on="yes")
    result = await stage.drawn(stage.alex)
    (item,) = [item for part in parts(result.response.components) for item in part.get("items", [])]
    assert item["spoiler"]
    await say(stage, boss, "settings channel spoiler", on="no")
    result = await stage.drawn(stage.alex)
    (item,) = [item for part in parts(result.response.components) for item in part.get("items", [])]
    assert not item["spoiler"]


async def test_a_quiet_channel_has_small_cards(stage: Stage, boss: MemberActor) -> None:
    await say(stage, boss, "settings channel quiet", on="yes")
    result = await stage.drawn(stage.alex, prompt="a panda", seed="7")
    assert gallery(result.response)
    assert "seed" not in text(result.response)
    assert set(presses(result.response)) == {"new", "again", "remix", "delete", "pick"}


async def test_a_quiet_channel_is_told_no_percentages_and_nobody_is_pinged(
    stage: Stage, boss: MemberActor
) -> None:
    await say(stage, boss, "settings channel quiet", on="yes")
    result = await stage.imagine(stage.alex)
    board, before = stage.board(), text(result.response)
    claim = stage.claim()
    board.push(Progress(generation_id=claim.generation_id, index=0, step=2, steps=4, preview=False))
    await asyncio.sleep(0.2)
    assert text(result.response) == before
    board.close()
    stage.keep(claim)
    await stage.moderator.delete(result.response)
    await stage.deliver()
    (late,) = stage.channel.history()
    assert gallery(late)
    sent = [r for r in stage.env.http_requests if r.method == "POST" and "/messages" in r.path][-1]
    assert sent.json["flags"] & discord.MessageFlags.suppress_notifications.flag
    assert sent.json["allowed_mentions"] == {"users": [], "parse": []}


async def test_what_is_set_stands_among_all_settings(stage: Stage, boss: MemberActor) -> None:
    await say(stage, boss, "settings channel quiet", on="yes", everywhere=True)
    words = stage.speaks(boss, "zh-CN")
    where, said = words("settings.everywhere"), words("settings.quiet_on")
    line = words("settings.place", where=where, said=said)
    assert line in await say(stage, boss, "settings show")
    await say(stage, boss, "settings channel reset", everywhere=True)
    assert line not in await say(stage, boss, "settings show")


@pytest.mark.parametrize("locale", ["en-US", "zh-CN", "zh-TW"])
async def test_permissions_that_are_missing_are_told_before_anything_is_charged(
    stage: Stage, locale: str
) -> None:
    words = stage.speaks(stage.alex, locale)
    me = next(one for one in stage.bot.guilds[0].members if one.id == stage.env.backend.bot_user.id)
    silent = {me: discord.PermissionOverwrite(attach_files=False)}
    channel = stage.guild.create_text_channel("silent", overwrites=silent)
    told = await refused(stage, channel, stage.alex)
    assert words("permissions.attach_files") in told
    assert told == words(
        "errors.permissions_missing", permissions=words("permissions.attach_files")
    )
    assert stage.orders() == []


def grown_up(stage: Stage, channel: Any) -> discord.TextChannel:
    """Restrict a channel by age, which simcord cannot; return it as the bot sees it."""
    seen = stage.bot.get_channel(channel.id)
    assert isinstance(seen, discord.TextChannel)
    seen.nsfw = True
    return seen


async def test_threads_are_their_channel(stage: Stage) -> None:
    guild = stage.bot.guilds[0]
    category = stage.guild.create_category("pictures")
    handle = stage.guild.create_text_channel("inside", category=category)
    channel = grown_up(stage, handle)
    thread = discord.Thread(
        guild=guild,
        state=stage.bot._connection,
        data={
            "id": 99,
            "parent_id": handle.id,
            "name": "t",
            "owner_id": 1,
            "type": 11,
            "message_count": 0,
            "member_count": 1,
            "thread_metadata": {
                "archived": False,
                "archive_timestamp": "2026-11-23T00:00:00+00:00",
                "auto_archive_duration": 60,
            },
        },
    )
    here, there = places.place_of(guild.id, channel), places.place_of(guild.id, thread)
    assert here == there
    assert (there.channel_id, there.category_id) == (handle.id, category.id)
    assert there.is_age_restricted


async def test_orders_know_whether_their_channel_is_age_restricted(stage: Stage) -> None:
    grown = stage.guild.create_text_channel("grown")
    grown_up(stage, grown)
    await stage.imagine(stage.alex)
    await stage.alex.slash(grown, "imagine", prompt="a panda")
    assert [order.age_restricted for order in stage.orders()] == [False, True]
    assert [order.place_id for order in stage.orders()] == [stage.channel.id, grown.id]


async def test_what_is_chosen_is_written_into_the_log(stage: Stage) -> None:
    role = stage.guild.create_role("bosses", permissions=discord.Permissions(manage_guild=True))
    boss = stage.guild.add_member(stage.env.create_user("chief"), roles=[role])
    await boss.slash(stage.channel, "settings show")
    await boss.slash(stage.channel, "settings channel slow-mode", seconds=5)
    await boss.slash(stage.channel, "presets save", name="ink", style="ink", whose="server")
    await boss.slash(stage.channel, "presets save", name="own", style="ink")
    with stage.database.begin() as session:
        told = [(one.action, one.details) for one in audit.page(session, stage.guild.id)]
    assert told == [
        ("presets.save", {"name": "ink"}),
        ("settings.channel.slow-mode", {"seconds": 5, "channel": str(stage.channel.id)}),
    ]
