"""The bot on a member's own account: in direct messages, and in servers that have not added it."""

from dataclasses import replace
from typing import Any

import pytest

from bot.__main__ import COMMANDS
from bot.client import Reroll
from bot.services import Services
from store.choices import channels, servers
from store.choices.servers import Defaults
from store.money import ledger
from store.money.plans import Plan, Plans
from tests.bot.messages import gallery, order_id, presses, text
from tests.bot.stage import PLAN, Stage, staged

EXPIRED_S = 901
SERVERS_ONLY = {"settings", "gift", "checkin"}
SUPPORTER = Plan(name="supporter", daily_credits=30, standing=None)


def left(stage: Stage, guild_id: int, user_id: int) -> int:
    with stage.database.begin() as session:
        flow = ledger.Flow(guild_id, user_id)
        return ledger.balance(session, flow, PLAN, stage.env.now()).left


async def test_commands_say_where_they_can_be_added_and_used(stage: Stage) -> None:
    synced = stage.env.backend.commands[None].values()
    added = {one["name"]: one["integration_types"] for one in synced}
    used = {one["name"]: one["contexts"] for one in synced}
    for name in SERVERS_ONLY:
        assert (added[name], used[name]) == ([0], [0]), name
    for name in ("imagine", "edit", "history", "show", "again", "presets", "defaults", "help"):
        assert (added[name], used[name]) == ([0, 1], [0, 1, 2]), name


async def test_a_host_may_keep_it_to_servers(world: Services) -> None:
    bot = Reroll(world, COMMANDS, user_install=False)
    async with bot:
        for register in COMMANDS:
            register(bot.tree, world)
        bot.settle_places()
        for command in bot.tree.get_commands():
            payload = command.to_dict(bot.tree)
            assert (payload["integration_types"], payload["contexts"]) == ([0], [0])


async def test_a_picture_in_direct_messages_is_paid_by_the_member_alone(stage: Stage) -> None:
    shown = await stage.alex.user.slash("imagine", prompt="a panda")
    stage.draw()
    await stage.deliver()
    (order,) = stage.orders()
    assert (order.guild_id, order.place_id, order.age_restricted) == (0, None, None)
    (message,) = stage.alex.user.dm_channel.history()
    assert message.id == shown.response.id
    assert gallery(message)
    assert left(stage, 0, stage.alex.id) == 9
    assert stage.left(stage.alex) == 10
    again = await stage.alex.user.click(message, custom_id=presses(message)["new"])
    assert "credits left 8" in text(again.response)
    history = await stage.alex.user.slash("history")
    assert order.id in str(history.response.components)


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
async def test_brought_along_it_obeys_no_server_and_gives_none_of_its_rights(
    stage: Stage, locale: str
) -> None:
    with stage.database.begin() as session:
        channels.choose(session, stage.guild.id, channels.SERVER, is_open=False)
    words = stage.speaks(stage.moderator, locale)
    stage.brought_along |= {stage.moderator.id, stage.alex.id}
    await stage.imagine(stage.alex)
    order = stage.orders()[0]
    assert order.guild_id == 0
    stage.draw()
    await stage.deliver()
    (message,) = stage.channel.history()
    asked = await stage.moderator.click(message, custom_id=presses(message)["delete"])
    assert asked.response.content == words("errors.not_yours")
    kept = await stage.moderator.slash(
        stage.channel, "presets save", name="x", style="y", whose="server"
    )
    assert kept.response.content == words("errors.server_needed")
    shown = await stage.moderator.slash(stage.channel, "show", number=order.id)
    assert shown.response.content == words("errors.picture_unknown", value=order.id)


async def test_what_comes_late_where_it_was_brought_along_comes_by_direct_message(
    stage: Stage,
) -> None:
    stage.brought_along.add(stage.alex.id)
    await stage.imagine(stage.alex)
    stage.draw()
    await stage.env.advance_time(EXPIRED_S)
    stage.env.inject_error("*", "/channels/*/messages*", status=403, code=50001, times=2)
    await stage.deliver()
    (message,) = stage.alex.user.dm_channel.history()
    assert gallery(message)


async def _late_message(stage: Stage) -> Any:
    await stage.imagine(stage.alex)
    stage.draw()
    await stage.env.advance_time(EXPIRED_S)
    stage.env.inject_error("*", "/channels/*/messages*", status=403, code=50001, times=2)
    await stage.deliver()
    (message,) = stage.alex.user.dm_channel.history()
    return message


async def test_a_late_results_buttons_know_the_roles_that_the_member_has_now(
    world: Services,
) -> None:
    defaults = Defaults(Plans((PLAN, SUPPORTER)))
    async with staged(replace(world, defaults=defaults)) as stage:
        message = await _late_message(stage)
        role = stage.guild.create_role("supporters")
        with stage.database.begin() as session:
            servers.set_role(
                session, defaults, stage.guild.id, stage.services.now(), role.id, "supporter"
            )
        member = stage.env.backend.get_guild(stage.guild.id).members[stage.alex.id]
        member.role_ids.append(role.id)
        await stage.alex.user.click(message, custom_id=presses(message)["new"])
        order = stage.orders()[-1]
        assert (order.guild_id, order.plan) == (stage.guild.id, "supporter")


async def test_who_has_left_the_server_pays_a_late_results_buttons_themselves(
    stage: Stage,
) -> None:
    message = await _late_message(stage)
    stage.guild.remove_member(stage.alex)
    pressed = await stage.alex.user.click(message, custom_id=presses(message)["new"])
    order = stage.orders()[-1]
    assert order.id == order_id(pressed.response)
    assert order.guild_id == 0
    assert left(stage, 0, stage.alex.id) == 9
