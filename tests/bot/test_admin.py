"""/admin: for those who run the bot alone, and what it does to everybody's orders."""

from collections.abc import AsyncIterator
from dataclasses import replace

import discord
import pytest
from simcord.actors import MemberActor

from bot.delivery.broadcasting import Broadcaster
from bot.errors import HostNeeded
from bot.markdown import plain
from bot.services import Services
from store.errors import StoreUnavailable
from store.host import broadcasts, overview
from store.moderation import audit
from tests.bot.messages import text
from tests.bot.stage import Stage, staged
from tests.disks import no_larger

HOST_NAME = "host"


@pytest.fixture
async def hosted(world: Services) -> AsyncIterator[tuple[Stage, MemberActor]]:
    async with staged(world) as stage:
        admin = discord.Permissions(administrator=True)
        role = stage.guild.create_role("admins", permissions=admin)
        host = stage.guild.add_member(stage.env.create_user(HOST_NAME), roles=[role])
        services = replace(stage.bot.services, owners=frozenset({host.id}))
        stage.services = services
        await stage.restart()
        yield stage, host


async def admin(stage: Stage, by: MemberActor, command: str, /, **options: object) -> str:
    shown = await by.slash(stage.channel, f"admin {command}", **options)
    told = [shown.response, *shown.followups]
    return "\n".join(one.content for one in told if one is not None)


async def ordered(stage: Stage, member: MemberActor) -> str:
    shown = await stage.imagine(member)
    return "\n".join(text(one) for one in (shown.response, *shown.followups) if one is not None)


async def test_administrators_of_a_server_are_not_the_host(
    hosted: tuple[Stage, MemberActor],
) -> None:
    stage, host = hosted
    role = stage.guild.create_role("boss", permissions=discord.Permissions(administrator=True))
    boss = stage.guild.add_member(stage.env.create_user("boss"), roles=[role])
    said = await admin(stage, boss, "flow", flow="paused")
    assert said == stage.speaks(boss, "en-US")("errors.host_needed")
    assert "draw" in await admin(stage, host, "status")
    assert not [entry for entry in log(stage) if entry == "host.paused"]


def log(stage: Stage) -> list[str]:
    with stage.database.begin() as session:
        return [entry.action for entry in audit.page(session, audit.HOST)]


async def test_paused_orders_are_kept_and_say_so(hosted: tuple[Stage, MemberActor]) -> None:
    stage, host = hosted
    words = stage.services.texts.of("en-US")
    assert words("flows.paused") in await admin(stage, host, "flow", flow="paused")
    assert words("waiting.paused") in await ordered(stage, stage.alex)
    assert len(stage.orders()) == 1
    said = await admin(stage, host, "status")
    assert "1 waiting" in said
    line = text((await stage.mei.slash(stage.channel, "queue")).response)
    assert words("queue.paused") in line
    assert words("flows.running") in await admin(stage, host, "flow", flow="running")
    assert words("waiting.paused") not in await ordered(stage, stage.mei)
    assert log(stage)[:2] == ["host.running", "host.paused"]


async def test_drained_no_order_is_taken_and_nothing_charged(
    hosted: tuple[Stage, MemberActor],
) -> None:
    stage, host = hosted
    words = stage.speaks(stage.mei, "zh-CN")
    before = stage.left(stage.mei)
    await admin(stage, host, "flow", flow="draining")
    assert words("errors.host_drains") in await ordered(stage, stage.mei)
    assert stage.left(stage.mei) == before
    assert stage.orders() == []


async def test_a_variant_that_is_off_is_refused_by_its_name(
    hosted: tuple[Stage, MemberActor],
) -> None:
    stage, host = hosted
    said = await admin(stage, host, "variant", variant="starter", on=False)
    assert "Switched off" in said
    listed = text((await stage.alex.slash(stage.channel, "variants")).response)
    assert "⛔ Switched off by the host · price" in listed
    assert "🟢" not in listed
    assert "is switched off at the moment" in await ordered(stage, stage.alex)
    await admin(stage, host, "variant", variant="starter", on=True)
    await ordered(stage, stage.alex)
    assert len(stage.orders()) == 1


async def test_a_banned_member_orders_nothing_until_they_may_again(
    hosted: tuple[Stage, MemberActor],
) -> None:
    stage, host = hosted
    await admin(stage, host, "ban", person=stage.alex, reason="floods")
    said = await ordered(stage, stage.alex)
    assert "blocked you" in said
    assert "floods" not in said
    assert f"<@{stage.alex.id}>, floods" in await admin(stage, host, "status")
    assert "cannot be banned" in await admin(stage, host, "ban", person=host)
    await ordered(stage, stage.mei)
    await admin(stage, host, "ban", person=stage.mei)
    await admin(stage, host, "unban", person=stage.alex)
    said = await admin(stage, host, "status")
    assert "floods" not in said
    assert f"<@{stage.mei.id}>" in said.splitlines()[-1]
    await ordered(stage, stage.alex)
    assert len(stage.orders()) == 2


async def test_a_ban_that_there_is_not_cannot_be_lifted(hosted: tuple[Stage, MemberActor]) -> None:
    stage, host = hosted
    assert "You have not banned this person" in await admin(stage, host, "unban", person=stage.alex)
    await admin(stage, host, "ban", person=stage.alex)
    assert "lifted the ban" in await admin(stage, host, "unban", person=stage.alex)
    assert "You have not banned this person" in await admin(stage, host, "unban", person=stage.alex)
    assert (await admin(stage, host, "log")).count("lifted the ban") == 1


async def test_grants_budgets_and_requeues_are_done_and_written_down(
    hosted: tuple[Stage, MemberActor],
) -> None:
    stage, host = hosted
    before = stage.left(stage.alex)
    said = await admin(stage, host, "grant", person=stage.alex, credits=25)
    told = f"gave credits → <@{stage.alex.id}> · credits: 25, server: {plain(stage.guild.name)}"
    assert said.startswith(f"✅ {told}\n")
    assert told in await admin(stage, host, "log")
    assert "gave credits" not in await admin(stage, host, "status")
    assert stage.left(stage.alex) == before + 25
    most = stage.services.defaults.plans.server.most_daily_micros / 1_000_000
    words = stage.services.texts.of("en-US")
    said = await admin(stage, host, "budget", dollars=most + 1)
    assert said == words("errors.over_own_limit", limit=f"{most:.2f}")
    await admin(stage, host, "budget", dollars=0.0)
    await ordered(stage, stage.alex)
    held = stage.claim()
    said = await admin(stage, host, "requeue", what="nobody")
    assert said == stage.services.texts.of("en-US")("errors.nothing_held", value="nobody")
    await admin(stage, host, "requeue", what=held.generation_id)
    assert stage.claim().fence == held.fence + 1
    shown = await admin(stage, host, "log")
    for action in ("gave credits", "set a server's budget", "queued pictures anew"):
        assert action in shown
    assert "a panda" not in shown


async def test_a_broadcast_reaches_each_server_once_even_after_a_restart(
    hosted: tuple[Stage, MemberActor],
) -> None:
    stage, host = hosted
    other = stage.env.create_guild("Another server")
    room = other.create_text_channel("talk")
    silent = stage.env.create_guild("Without a channel")
    await stage.restart()
    await admin(stage, host, "broadcast", text="New models!\\nEnjoy @everyone")
    with stage.database.begin() as session:
        going = broadcasts.unfinished(session)
        assert going
        broadcasts.posted(session, going.id, stage.guild.id, 1)
    broadcaster = Broadcaster(stage.services, stage.bot, apart_s=0)
    before = len(stage.env.http_requests)
    with stage.env.time_context():
        with no_larger(1):  # a database without room is told of it later
            for _ in range(3):
                with pytest.raises(StoreUnavailable):
                    await broadcaster.say_next()
        assert len(stage.env.http_requests) == before + 1
        assert await broadcaster.say_next()
        assert not await broadcaster.say_next()
    (told,) = room.history()
    assert told.content == "New models!\nEnjoy @everyone"
    assert not told.mention_everyone
    assert "New models" not in [message.content for message in stage.channel.history()]
    with stage.database.begin() as session:
        assert broadcasts.told(session, going.id) == {stage.guild.id, other.id, silent.id}


def test_an_overview_counts_the_line_and_what_ended(world: Services) -> None:
    with world.database.begin() as session:
        empty = overview.read(session)
    assert (empty.lines, empty.recent, empty.undelivered) == ({}, {}, 0)


async def test_an_overview_of_a_line(stage: Stage) -> None:
    await stage.imagine(stage.alex, count=2)
    stage.keep(stage.claim())
    claim = stage.claim()
    with stage.database.begin() as session:
        seen = overview.read(session)
    line = seen.lines["starter"]
    assert (line.waiting, line.drawing) == (0, 1)
    recent = seen.recent["starter", "done"]
    assert (recent.count, recent.seconds) == (1, 0.4)
    assert recent.wait(0.5) >= 0
    assert list(seen.workers) == ["w"]
    stage.keep(claim)
    with stage.database.begin() as session:
        assert overview.read(session).undelivered == 1


def test_the_error_is_a_refusal() -> None:
    assert HostNeeded().code == "host_needed"
