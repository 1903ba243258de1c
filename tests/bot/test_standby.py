"""Two bots with one token: one answers, the other waits in words and goes on when it is gone."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from bot.services import Services
from bot.standby import Standby
from local.discord.server import TOKEN, LocalDiscord
from local.discord.world import World
from store.host import bots
from tests.bot.test_main import started


def standby(world: Services, name: str) -> Standby:
    return Standby(world, 42, name=name, beat_s=0.02)


async def test_the_second_waits_until_the_first_has_left(world: Services) -> None:
    first, second = standby(world, "there:1"), standby(world, "elsewhere:2")
    await first.wait()
    waiting = asyncio.create_task(second.wait())
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await first.leave()
    await asyncio.wait_for(waiting, 2)


async def test_nobody_waits_for_a_process_of_this_machine_that_is_dead(world: Services) -> None:
    gone = await asyncio.create_subprocess_exec("true")
    await gone.wait()
    await standby(world, f"{socket.gethostname()}:{gone.pid}").wait()
    await asyncio.wait_for(standby(world, f"{socket.gethostname()}:{os.getpid()}").wait(), 2)


async def test_one_that_began_without_a_database_does_not_end_over_a_dead_one(
    world: Services,
) -> None:
    gone = await asyncio.create_subprocess_exec("true")
    await gone.wait()
    await standby(world, f"{socket.gethostname()}:{gone.pid}").wait()
    ended = asyncio.Event()
    living = asyncio.create_task(standby(world, "here:1").run(ended.set))
    await asyncio.sleep(0.3)  # it has looked, now that there is one
    living.cancel()
    assert not ended.is_set()
    assert (await world.database.run(bots.take, 42, "elsewhere:2")) == "here:1"


async def test_one_that_was_silent_too_long_ends_itself(world: Services) -> None:
    ended = asyncio.Event()
    first, second = standby(world, "there:1"), standby(world, "elsewhere:2")
    await first.wait()
    await first.leave()  # as if it had been frozen past the silence
    await second.wait()
    await asyncio.wait_for(first.run(ended.set), 2)
    assert ended.is_set()


@pytest.mark.timeout(90)
async def test_two_processes_with_one_token(tmp_path: Path, sqlite_url: str) -> None:
    async with LocalDiscord(World()) as discord:
        given = {
            "REROLL_DISCORD_URL": discord.url,
            "DISCORD_TOKEN": TOKEN,
            "REROLL_DATABASE_URL": sqlite_url,
        }
        first = await started(tmp_path, **given)
        assert first.stdout
        assert await asyncio.wait_for(first.stdout.readline(), 30) == b"REROLL READY\n"
        second = await started(tmp_path, **given)
        assert second.stderr
        assert second.stdout
        while b"another bot answers" not in await asyncio.wait_for(second.stderr.readline(), 30):
            pass
        first.terminate()
        await first.communicate()
        assert await asyncio.wait_for(second.stdout.readline(), 30) == b"REROLL READY\n"
        second.terminate()
        await second.communicate()
        assert (first.returncode, second.returncode) == (0, 0)
