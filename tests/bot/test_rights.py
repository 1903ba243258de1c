"""Commands for managers and hosts refuse everybody else, also where a server opens them to all."""

from collections.abc import Iterator
from typing import Any

import discord
import pytest
from discord import AppCommandOptionType as Kind
from discord import app_commands
from sqlalchemy import func, select

from engine.judging.verdicts import Verdict
from store.choices import servers
from store.loras import library, shares
from store.tables.every import METADATA
from tests.bot import loras
from tests.bot.messages import order_id, presses
from tests.bot.stage import DEFAULTS, Stage
from tests.bot.test_reports import report
from tests.bot.test_reviews import judged

KEPT = ("accounts", "audit", "bans", "broadcasts", "channels", "controls", "ledger", "money")
CHOSEN = ("prompt_rules", "sanctions", "servers")
"""All that these commands write."""
REFUSALS = {
    "settings": "errors.manager_needed",
    "gift": "errors.manager_needed",
    "admin": "errors.host_needed",
}


def guarded(stage: Stage, group: str) -> Iterator[app_commands.Command[Any, Any, Any]]:
    for one in stage.bot.tree.walk_commands():
        if isinstance(one, app_commands.Command) and one.qualified_name.split(" ")[0] == group:
            yield one


def typed(stage: Stage, option: app_commands.Parameter) -> object:
    """Return something that Discord would let a member send."""
    if option.choices:
        return option.choices[0].value
    least = option.min_value or 1
    values = {
        Kind.string: "Asia/Shanghai",
        Kind.integer: least,
        Kind.number: float(least),
        Kind.boolean: True,
        Kind.user: stage.mei,
        Kind.channel: stage.channel,
        Kind.role: stage.guild.create_role("friends"),
    }
    return values[option.type]


def written(stage: Stage) -> int:
    with stage.database.begin() as session:
        rows = (METADATA.tables[name] for name in (*KEPT, *CHOSEN))
        return sum(session.scalar(select(func.count()).select_from(one)) or 0 for one in rows)


@pytest.mark.parametrize("group", REFUSALS)
async def test_an_opened_command_is_refused_at_each_use(stage: Stage, group: str) -> None:
    stage.guild.set_command_permissions(stage.bot.command_ids[group], {stage.alex: True})
    refusal = stage.services.texts.of("en-US")(REFUSALS[group])
    commands = list(guarded(stage, group))
    assert commands
    for one in commands:
        options = {
            str(option.display_name): typed(stage, option)
            for option in one.parameters
            if option.required
        }
        answer = await stage.alex.slash(stage.channel, one.qualified_name, **options)
        told = (answer.followups or [answer.response])[-1]
        assert (told.content, told.ephemeral) == (refusal, True), one.qualified_name
    assert written(stage) == 0


async def test_a_servers_rules_are_suggested_to_its_managers_alone(stage: Stage) -> None:
    stage.guild.set_command_permissions(stage.bot.command_ids["settings"], {stage.alex: True})
    manager = discord.Permissions(manage_guild=True)
    role = stage.guild.create_role("managers", permissions=manager)
    boss = stage.guild.add_member(stage.env.create_user("boss"), roles=[role])
    await boss.slash(stage.channel, "settings rules add", words="a secret", action="block")
    asked = (stage.channel, "settings rules remove", "words", "")
    assert await stage.alex.autocomplete(*asked) == []
    assert [one["value"] for one in await boss.autocomplete(*asked)] == ["a secret"]


def kept_by(stage: Stage, member: Any) -> Any:
    """Return a channel of a member's own, as many servers give."""
    mine = {member: discord.PermissionOverwrite(manage_messages=True)}
    return stage.guild.create_text_channel("own", overwrites=mine)


async def pressed(member: Any, message: Any, action: str) -> Any:
    result = await member.click(message, custom_id=presses(message)[action])
    return (result.followups or [result.response])[-1]


async def test_who_keeps_a_channel_of_their_own_keeps_no_other(stage: Stage) -> None:
    refusal, own = stage.services.texts.of("en-US")("errors.not_yours"), kept_by(stage, stage.mei)
    placed = order_id((await stage.imagine(stage.alex, count=2)).response)
    claim = stage.claim()
    looked_up = await stage.mei.slash(own, "show", number=placed)
    assert (await pressed(stage.mei, looked_up.response, "cancel")).content == refusal
    stage.keep(claim)
    stage.draw()
    await stage.deliver()
    for number in (placed, f"{placed}-2"):
        looked_up = await stage.mei.slash(own, "show", number=number)
        assert (await pressed(stage.mei, looked_up.response, "delete")).content == refusal
    order = stage.order(placed)
    assert (order.status, order.deleted_at) == ("done", None)


async def test_who_keeps_a_channel_keeps_what_is_ordered_there(stage: Stage) -> None:
    own = kept_by(stage, stage.mei)
    waiting = await stage.alex.slash(own, "imagine", prompt="a panda")
    await pressed(stage.mei, waiting.response, "cancel")
    assert stage.orders()[0].status == "cancelled"
    drawn = await stage.alex.slash(own, "imagine", prompt="a panda")
    stage.draw()
    await stage.deliver()
    asked = await pressed(stage.mei, drawn.response, "delete")
    await pressed(stage.mei, asked, "erase")
    assert stage.orders()[1].deleted_at


async def test_who_keeps_one_channel_ends_no_share_of_the_server(stage: Stage) -> None:
    refusal, own = stage.services.texts.of("en-US")("errors.not_yours"), kept_by(stage, stage.mei)
    loras.share(stage, lora_id := loras.add(stage, stage.alex, "ink"))
    told = await stage.mei.slash(own, "lora unshare", name="ink")
    assert told.response.content == refusal
    with stage.database.begin() as session:
        assert shares.shares(session, library.by_id(session, lora_id))


async def test_held_pictures_are_for_moderators_of_their_place_and_of_the_office(
    stage: Stage,
) -> None:
    refusal, own = stage.services.texts.of("en-US")("errors.not_yours"), kept_by(stage, stage.alex)
    message = await judged(stage, Verdict.HOLD, Verdict.DELIVER)
    looked_up = await stage.alex.slash(own, "show", number=order_id(message))
    assert (await pressed(stage.alex, looked_up.response, "review")).content == refusal
    with stage.database.begin() as session:
        now = stage.env.now()
        servers.set_reports(session, DEFAULTS, stage.guild.id, now, own.id)
    card = await pressed(stage.alex, looked_up.response, "review")
    assert "release" in presses(card)


async def test_a_case_is_for_who_keeps_order_where_it_is_shown(stage: Stage) -> None:
    keeper = stage.guild.add_member(stage.env.create_user("keeper"))
    office = kept_by(stage, keeper)
    with stage.database.begin() as session:
        now = stage.env.now()
        servers.set_reports(session, DEFAULTS, stage.guild.id, now, office.id)
    result = await stage.drawn(stage.alex)
    await report(stage, stage.mei, result.response)
    (case,) = office.history()
    await keeper.click(case, custom_id=presses(case)["rdelete"])
    assert stage.orders()[0].deleted_at
