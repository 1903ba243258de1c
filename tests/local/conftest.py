"""A local Discord, and small real bots in processes of their own."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from local.discord.limits import Rates
from local.discord.server import TOKEN, LocalDiscord
from local.discord.world import World

ROOT = Path(__file__).parents[2]
BRISK = Rates(per_channel=5, per_webhook=50, window=1.0)
SECONDS = 30.0


class BotProcess:
    """One child, and what it has said."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: list[str] = []
        self._changed = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.said.append(line.decode().strip())
            self._changed.set()

    async def says(self, line: str, times: int = 1) -> None:
        async with asyncio.timeout(SECONDS):
            while self.said.count(line) < times:
                self._changed.clear()
                await self._changed.wait()

    async def end(self) -> int:
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        code = await self.process.wait()
        await self._reader
        return code


async def start_bot(discord: LocalDiscord, token: str = TOKEN) -> BotProcess:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.local.wire_bot"),
        cwd=ROOT,
        env={**os.environ, "REROLL_DISCORD_URL": discord.url, "DISCORD_TOKEN": token},
        stdout=asyncio.subprocess.PIPE,
    )
    return BotProcess(process)


@contextlib.asynccontextmanager
async def served(world: World | None = None) -> AsyncIterator[LocalDiscord]:
    async with LocalDiscord(world or World(), rates=BRISK) as discord:
        yield discord


@contextlib.asynccontextmanager
async def connected(discord: LocalDiscord) -> AsyncIterator[BotProcess]:
    bot = await start_bot(discord)
    try:
        await bot.says("REROLL READY")
        yield bot
    finally:
        await bot.end()


@pytest.fixture
async def discord() -> AsyncIterator[LocalDiscord]:
    async with served() as discord:
        yield discord
