"""Plans in Discord: asked first where it is dear, refused by name, given by roles and managers."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import discord
import pytest
from simcord.actors import MemberActor
from sqlalchemy import select

from bot.commands.settings import matching_zones
from bot.errors import ManagerNeeded, QuestionAnswered
from bot.servers.standing import require_manager
from bot.services import Services
from bot.wishes.options import Reader
from engine.variants.catalog import Catalog
from store.choices.servers import Defaults
from store.host import workers
from store.money import ledger
from store.money.plans import MICROS, Plan, Plans, ServerDefaults, SlowLane, Standing
from store.tables.money import LedgerEntry
from tests.bot.messages import order_id, presses, text
from tests.bot.stage import Stage, staged

FREE = Plan(daily_credits=10, standing=Standing.EVERYONE, confirm_above=3, concurrent=2)
SUPPORTER = replace(
    FREE, name="supporter", standing=Standing.MODERATOR, daily_credits=30, confirm_above=100
)
LANE = SlowLane(weight=0.1, most_pixels=128 * 128, most_count=1)
SERVER = ServerDefaults(slow_lane=True, daily_micros=MICROS // 10, most_daily_micros=2 * MICROS)
DEFAULTS = Defaults(Plans((FREE, SUPPORTER), LANE, SERVER))


@pytest.fixture
async def planned(world: Services) -> AsyncIterator[Stage]:
    async with staged(replace(world, defaults=DEFAULTS)) as stage:
        yield stage


def manager(stage: Stage) -> MemberActor:
    role = stage.guild.create_role("managers", permissions=discord.Permissions(manage_guild=True))
    return stage.guild.add_member(stage.env.create_user("boss"), roles=[role])


def give_role(stage: Stage, member: MemberActor, role: Any) -> None:
    stage.env.backend.get_guild(stage.guild.id).members[member.id].role_ids.append(role.id)


async def say(stage: Stage, member: MemberActor, command: str, /, **options: Any) -> str:
    shown = await member.slash(stage.channel, command, **options)
    told = [shown.response, *shown.followups]
    return "\n".join(one.content for one in told if one is not None)


def credits_left(stage: Stage, member: MemberActor) -> int:
    flow = ledger.Flow(stage.guild.id, member.id)
    with stage.database.begin() as session:
        return ledger.balance(session, flow, FREE, stage.env.now()).left


async def test_a_dear_order_is_asked_about_and_one_press_orders_it(planned: Stage) -> None:
    result = await planned.imagine(planned.alex, count=4)
    (asked,) = result.followups
    assert asked.ephemeral
    assert "This costs **4** credits and leaves you 6." in text(asked)
    assert planned.orders() == []
    assert planned.channel.history() == []
    pressed = await planned.alex.click(asked, custom_id=presses(asked)["confirm"])
    (order,) = planned.orders()
    assert order.price == 4
    assert "Price 4 · credits left 6" in text(pressed.response)
    assert not pressed.response.ephemeral


async def test_a_second_press_orders_nothing(planned: Stage) -> None:
    result = await planned.imagine(planned.alex, count=4)
    (asked,) = result.followups
    custom_id = presses(asked)["confirm"]
    key = custom_id.partition(":")[2]
    await planned.alex.click(asked, custom_id=custom_id)
    assert len(planned.orders()) == 1
    with pytest.raises(QuestionAnswered):
        planned.services.questions.take(key, planned.services.now())


async def test_the_price_button_of_before_a_restart_is_explained(planned: Stage) -> None:
    result = await planned.imagine(planned.alex, count=4)
    (asked,) = result.followups
    planned.services = replace(planned.services)
    object.__setattr__(planned.services, "questions", type(planned.services.questions)())
    await planned.restart()
    words = planned.speaks(planned.alex, "zh-TW")
    pressed = await planned.alex.click(asked, custom_id=presses(asked)["confirm"])
    assert words("errors.question_expired") in (pressed.response.content or "")
    assert planned.orders() == []


@pytest.mark.parametrize("locale", ["en-US", "zh-CN", "zh-TW"])
async def test_the_question_is_asked_in_the_members_language(planned: Stage, locale: str) -> None:
    words = planned.speaks(planned.alex, locale)
    result = await planned.imagine(planned.alex, count=4)
    said = text(result.followups[0])
    assert words("errors.confirmation_needed", price=4, left=6) in said


async def test_a_new_seed_of_a_dear_order_is_asked_about_too(planned: Stage) -> None:
    result = await planned.imagine(planned.alex, count=4)
    (asked,) = result.followups
    shown = await planned.alex.click(asked, custom_id=presses(asked)["confirm"])
    planned.draw()
    await planned.deliver()
    again = await planned.alex.click(shown.response, custom_id=presses(shown.response)["new"])
    assert "leaves you 2" in text(again.followups[0])
    assert len(planned.orders()) == 1


async def test_without_credits_the_slow_lane_draws_and_says_so(planned: Stage) -> None:
    for _ in range(3):
        await planned.drawn(planned.alex, count=3)
    await planned.drawn(planned.alex)
    result = await planned.imagine(planned.alex)
    assert "Slow lane: free" in text(result.response)
    assert planned.orders()[-1].weight == 0.1
    planned.draw()
    await planned.deliver()
    assert "slow lane, free" in text(result.response)
    assert "credits left 0" in text(result.response)
    assert "slow lane still draws for you" in await say(planned, planned.alex, "quota")
    refused = await planned.imagine(planned.alex, count=2)
    assert "you have 0" in refused.followups[0].content


async def test_a_limit_of_the_plan_is_told_with_what_to_do(planned: Stage) -> None:
    words = planned.speaks(planned.alex, "zh-CN")
    await planned.imagine(planned.alex)
    await planned.imagine(planned.alex)
    result = await planned.imagine(planned.alex)
    assert result.followups[0].content == words("errors.too_many_orders", limit=2, plan="免费")


async def test_moderators_have_their_plan_without_a_setting(planned: Stage) -> None:
    assert "Your plan: **Supporter**\n**30** of 30" in await say(
        planned, planned.moderator, "quota"
    )
    result = await planned.imagine(planned.moderator, count=4)
    assert "credits left 26" in text(result.response)
    assert planned.orders()[0].plan == "supporter"
    planned.draw()
    await planned.deliver()  # which knows no roles
    assert "credits left 26" in text(result.response)


async def test_whoever_moderates_one_channel_alone_has_no_better_plan(planned: Stage) -> None:
    """Members of many servers are given channels of their own to keep."""
    mine = {planned.alex: discord.PermissionOverwrite(manage_messages=True)}
    own = planned.guild.create_text_channel("alex", overwrites=mine)
    await planned.alex.slash(own, "imagine", prompt="a panda")
    assert planned.orders()[0].plan == "free"


async def test_a_role_that_is_given_between_the_press_and_the_order_counts(
    planned: Stage,
) -> None:
    boss = manager(planned)
    role = planned.guild.create_role("friends")
    said = await say(planned, boss, "settings role", role=role, plan="supporter")
    assert f"<@&{role.id}>: Supporter" in said
    result = await planned.imagine(planned.alex, count=4)
    (asked,) = result.followups
    give_role(planned, planned.alex, role)
    await planned.alex.click(asked, custom_id=presses(asked)["confirm"])
    assert planned.orders()[0].plan == "supporter"
    assert credits_left(planned, planned.alex) == 26
    said = await say(planned, boss, "settings role", role=role, plan="-")
    assert f"<@&{role.id}>" not in said


async def test_settings_are_for_managers_alone(planned: Stage) -> None:
    boss = manager(planned)
    for command, options in (
        ("settings show", {}),
        ("settings slow-lane", {"on": False}),
        ("gift", {"member": planned.mei, "credits": 5}),
    ):
        with pytest.raises(Exception, match=r"(?i)permission|access|visible"):
            await planned.mei.slash(planned.channel, command, **options)
        assert await say(planned, boss, command, **options)


def test_a_server_that_opens_the_commands_to_others_opens_nothing() -> None:
    press: Any = SimpleNamespace(
        guild_id=1,
        is_user_integration=lambda: False,
        permissions=discord.Permissions(manage_messages=True),
    )
    with pytest.raises(ManagerNeeded):
        require_manager(press)
    press.permissions.manage_guild = True
    require_manager(press)


async def test_a_gift_for_someone_who_is_not_here_is_refused_in_words(planned: Stage) -> None:
    boss, gone = manager(planned), planned.env.create_user("gone")
    words = planned.speaks(boss, "zh-TW")
    shown = await boss.slash(planned.channel, "gift", member=gone, credits=5)
    assert (shown.response.content, shown.followups) == (words("errors.gift_to_stranger"), [])
    with planned.database.begin() as session:
        assert session.scalars(select(LedgerEntry)).all() == []


async def test_a_gift_is_announced_and_written_down(planned: Stage) -> None:
    boss = manager(planned)
    shown = await boss.slash(planned.channel, "gift", member=planned.mei, credits=5)
    assert shown.response.ephemeral
    (public,) = shown.followups
    assert not public.ephemeral
    assert public.content == f"🎁 <@{boss.id}> gave <@{planned.mei.id}> **5** credits. Enjoy!"
    with planned.database.begin() as session:
        (entry,) = session.scalars(select(LedgerEntry))
    assert (entry.user_id, entry.by_id, entry.amount) == (planned.mei.id, boss.id, 5)
    assert credits_left(planned, planned.mei) == 15


async def test_a_check_in_is_given_once_a_day_where_it_is_switched_on(planned: Stage) -> None:
    boss = manager(planned)
    words = planned.speaks(planned.mei, "zh-CN")
    assert await say(planned, planned.mei, "checkin") == words("errors.checkin_off")
    assert "Check-in: 4 credits a day" in await say(planned, boss, "settings checkin", credits=4)
    given = words("checkin.given", given=4, left=14)
    assert await say(planned, planned.mei, "checkin") == given
    assert "今天签过到了" in await say(planned, planned.mei, "checkin")


async def test_the_time_zone_is_typed_chosen_and_said(planned: Stage) -> None:
    boss = manager(planned)
    offered = await boss.autocomplete(planned.channel, "settings time-zone", "zone", "shang")
    assert [one["value"] for one in offered] == ["Asia/Shanghai"]
    said = await say(planned, boss, "settings time-zone", zone="Asia/Shanghai")
    assert "Asia/Shanghai" in said
    assert "is not a time zone" in await say(planned, boss, "settings time-zone", zone="moon")


def test_zones_are_found_by_city_first() -> None:
    assert matching_zones("berlin") == ["Europe/Berlin"]
    assert matching_zones("new york") == ["America/New_York"]
    assert len(matching_zones("")) == 25


async def test_numbers_and_the_slow_lane_are_changed_for_this_server(planned: Stage) -> None:
    boss = manager(planned)
    said = await say(planned, boss, "settings plan", plan="free", number="daily_credits", value=3)
    assert "Free · Credits a day: 3" in said
    assert "**3** of 3" in await say(planned, planned.alex, "quota")
    wrong = await say(planned, boss, "settings plan", plan="free", number="concurrent", value=0)
    assert "Choose from 1 to 50" in wrong
    assert "Slow lane: off" in await say(planned, boss, "settings slow-lane", on=False)
    planned.speaks(boss, "zh-TW")
    shown = await say(planned, boss, "settings show")
    assert "慢速通道：關閉" in shown
    assert "免費 · 每天點數：3" in shown


VENDOR = "bfl-flux2-klein-4b"


@pytest.fixture
async def paid(world: Services, tmp_path: Path) -> AsyncIterator[Stage]:
    catalog = Catalog.load(["starter", VENDOR])
    free = replace(FREE, daily_micros=MICROS // 50, daily_credits=100, confirm_above=100)
    defaults = Defaults(replace(DEFAULTS.plans, plans=(free, SUPPORTER)))
    reader = Reader(catalog, world.reader.size_words)
    async with staged(replace(world, catalog=catalog, reader=reader, defaults=defaults)) as stage:
        yield stage


async def test_money_is_held_shown_and_spent_within_the_members_share(paid: Stage) -> None:
    with paid.database.begin() as session:
        workers.report(session, "w", paid.services.catalog.names)
    result = await paid.imagine(paid.alex, variant=VENDOR)
    assert order_id(result.response)
    assert "**$0.006** left today, of $0.02 for you and $0.10" in await say(
        paid, paid.alex, "quota"
    )
    refused = await paid.imagine(paid.alex, variant=VENDOR)
    assert "about $0.014 of real money" in refused.followups[0].content
    assert "has $0.006 left" in refused.followups[0].content
    assert len(paid.orders()) == 1
    assert (
        "not part of your plan"
        in (await paid.imagine(paid.moderator, variant=VENDOR)).followups[0].content
    )


async def test_the_budget_of_the_day_is_set_within_the_hosts_limit(paid: Stage) -> None:
    boss = manager(paid)
    assert "up to $0.01 a day" in await say(paid, boss, "settings budget", dollars=0.01)
    refused = await paid.imagine(paid.alex, variant=VENDOR)
    assert "this server has $0.01 left" in refused.followups[0].content
    assert "up to $2.00 a day" in await say(paid, boss, "settings budget", dollars=3.0)


@pytest.mark.parametrize("locale", ["en-US", "zh-CN", "zh-TW"])
async def test_where_no_money_may_be_spent_it_is_said_in_words(paid: Stage, locale: str) -> None:
    boss = manager(paid)
    words, spoken = paid.speaks(boss, locale), paid.speaks(paid.alex, locale)
    said = await say(paid, boss, "settings budget", dollars=0.0)
    assert words("settings.budget_none") in said
    refused = (await paid.imagine(paid.alex, variant=VENDOR)).followups[0].content
    assert spoken("errors.budget_none", price="0.014") in refused
    log = text((await boss.slash(paid.channel, "settings audit")).response)
    assert words("audit_acts.settings.budget") in log
    assert "0.0" not in said + refused.replace("0.014", "") + log


@pytest.mark.parametrize("locale", ["en-US", "zh-CN", "zh-TW"])
async def test_a_host_who_pays_for_nothing_says_so(stage: Stage, locale: str) -> None:
    boss = manager(stage)
    words = stage.speaks(boss, locale)
    told = await say(stage, boss, "settings budget", dollars=5.0)
    assert told == words("errors.budget_forbidden")
