"""The real bot as a process on the wire: shards, a line that drops, a form left open, an end."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from local import reading
from local.discord.gateway import Close
from local.discord.server import TOKEN, LocalDiscord
from local.discord.world import Seat, World
from store.database import Database
from store.host import workers
from store.tables.orders import Generation
from tests import broker
from tests.local.conftest import ROOT, SECONDS, BotProcess

SHARDS = 2


@asynccontextmanager
async def bot(
    folder: Path, discord: LocalDiscord, url: str, queue: str
) -> AsyncIterator[BotProcess]:
    told = {
        "REROLL_DISCORD_URL": discord.url,
        "DISCORD_TOKEN": TOKEN,
        "REROLL_DATABASE_URL": url,
        "REROLL_BROKER_URL": queue,
        "REROLL_FILES_URL": f"file://{folder}/files",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot"),
        cwd=ROOT,
        env={**os.environ, **told},
        stdout=asyncio.subprocess.PIPE,
    )
    running = BotProcess(process)
    try:
        await running.says("REROLL READY")
        yield running
    finally:
        await running.end()


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[str]:
    with broker.running(tmp_path) as started:
        yield started.url


def a_worker_serves(url: str) -> Database:
    database = Database(url)
    with database.begin() as session:
        workers.report(session, "w", ("starter",))
    return database


async def ask(seat: Seat, prompt: str) -> bool:
    return bool((await seat.slash("imagine", prompt=prompt)).acknowledged)


async def shown(world: World, seat: Seat, words: str) -> None:
    def there() -> bool:
        return any(words in reading.words(message) for message in seat.messages())

    assert await world.pulse.until(there, SECONDS), [reading.words(m) for m in seat.messages()]


async def test_a_dropped_line_is_resumed_and_loses_no_press(
    tmp_path: Path, sqlite_url: str, queue: str
) -> None:
    database = a_worker_serves(sqlite_url)
    async with LocalDiscord(World()) as discord, bot(tmp_path, discord, sqlite_url, queue):
        alex = discord.world.seat("Alex")
        discord.gateway.drop(Close.UNKNOWN)
        told = await alex.slash("imagine", prompt="a panda")
        assert told.acknowledged
        await shown(discord.world, alex, "a panda")
        assert discord.gateway.resumes == 1
    with database.begin() as session:
        assert session.query(Generation).count() == 1
    database.close()


async def test_a_form_left_open_over_a_kill_is_answered_by_the_next_bot(
    tmp_path: Path, sqlite_url: str, queue: str
) -> None:
    database = a_worker_serves(sqlite_url)
    async with LocalDiscord(World()) as discord:
        alex = discord.world.seat("Alex")
        async with bot(tmp_path, discord, sqlite_url, queue) as first:
            await alex.slash("imagine", prompt="a panda", seed="7")
            await shown(discord.world, alex, "a panda")
            with database.begin() as session:
                order_id = session.query(Generation.id).scalar()
            await alex.slash("show", number=order_id)
            await shown(discord.world, alex, f"`{order_id}`")
            form = await alex.click(alex.messages()[-1], f"remix:{order_id}")
            assert form.modal is not None
            first.process.send_signal(signal.SIGKILL)
            await first.process.wait()
        async with bot(tmp_path, discord, sqlite_url, queue):
            sent = await alex.submit(form, {"prompt": "a red fox", "size": "", "seed": "8"})
            assert sent.acknowledged
            await shown(discord.world, alex, "a red fox")
    with database.begin() as session:
        prompts = [row.request["prompt"] for row in session.query(Generation.request)]
    assert sorted(prompts) == ["a panda", "a red fox"]
    database.close()


async def test_told_to_end_in_the_middle_of_orders_it_loses_none(
    tmp_path: Path, sqlite_url: str, queue: str
) -> None:
    database = a_worker_serves(sqlite_url)
    async with LocalDiscord(World()) as discord:
        alex = discord.world.seat("Alex")
        async with bot(tmp_path, discord, sqlite_url, queue) as first:
            names = list(discord.world.users)
            asked = [
                asyncio.create_task(ask(discord.world.seat(names[n % 4]), f"picture {n}"))
                for n in range(8)
            ]
            await asyncio.sleep(0.15)
            first.process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(first.process.wait(), 10) == 0
            answered = await asyncio.gather(*asked)
        with database.begin() as session:
            placed = session.query(Generation).count()
        # What was acknowledged is an order, or was refused in words; what was not costs nothing.
        assert placed <= sum(answered)
        async with bot(tmp_path, discord, sqlite_url, queue):
            await alex.slash("imagine", prompt="after it")
            await shown(discord.world, alex, "after it")
    database.close()


async def test_two_shards_serve_their_own_servers(
    tmp_path: Path, sqlite_url: str, queue: str
) -> None:
    database = a_worker_serves(sqlite_url)
    async with LocalDiscord(World()) as discord:
        discord.rest.shards = SHARDS
        async with bot(tmp_path, discord, sqlite_url, queue):
            assert discord.gateway.connected == SHARDS
            alex = discord.world.seat("Alex")
            told = await alex.slash("imagine", prompt="a panda")
            assert told.acknowledged
            await shown(discord.world, alex, "a panda")
    database.close()
