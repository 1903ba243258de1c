"""What the product takes before anybody asks for anything: seconds to be ready, memory at rest."""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from local.broker import embedded
from local.discord.server import TOKEN, LocalDiscord
from local.discord.world import World
from local.folder import Folder
from store.host import migrate

READY = b"REROLL READY\n"
REST_S = 5.0
GOALS = {"bot": (5.0, 200.0), "worker": (20.0, None)}
"""Seconds to be ready, and megabytes at rest."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """One program's figures; `cpu_s` is what of the time to be ready was its own work."""

    name: str
    ready_s: float
    cpu_s: float
    rest_mb: float


async def measured(name: str, environment: Mapping[str, str]) -> Footprint:
    """Start a program, let it rest, and end it."""
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", name),
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout
    try:
        line = await asyncio.wait_for(process.stdout.readline(), 120)
        if line != READY:
            raise SystemExit(f"{name} did not start")
        ready_s = time.perf_counter() - started
        seen = psutil.Process(process.pid)
        times = seen.cpu_times()
        await asyncio.sleep(REST_S)
        rest_mb = seen.memory_info().rss / 1e6
        return Footprint(name, ready_s, times.user + times.system, rest_mb)
    finally:
        process.terminate()
        await process.communicate()


async def run() -> list[Footprint]:
    """Measure the bot and a worker with the starter, on a machine of their own making."""
    with tempfile.TemporaryDirectory(prefix="reroll-footprint-") as place:
        folder = Folder(Path(place))
        folder.broker.mkdir()
        migrate.upgrade(folder.database_url)
        with embedded(folder.broker) as broker:
            server = await asyncio.create_subprocess_exec(
                *broker.command, stdout=asyncio.subprocess.DEVNULL
            )
            try:
                await broker.answers(10)
                told = {
                    "REROLL_DATABASE_URL": folder.database_url,
                    "REROLL_FILES_URL": folder.files_url,
                    "REROLL_BROKER_URL": broker.url,
                    "REROLL_VARIANTS": "starter,starter-lightning",
                }
                async with LocalDiscord(World()) as discord:
                    door = {"DISCORD_TOKEN": TOKEN, "REROLL_DISCORD_URL": discord.url}
                    bot = await measured("bot", told | door)
                    return [bot, await measured("worker", told)]
            finally:
                server.terminate()
                await server.wait()


def main() -> None:
    """Print the figures beside what they should be."""
    for one in asyncio.run(run()):
        ready_s, rest_mb = GOALS[one.name]
        at_rest = f"{one.rest_mb:.0f} MB at rest" + (f" (<= {rest_mb:.0f})" if rest_mb else "")
        print(
            f"{one.name:<7} ready after {one.ready_s:.1f} s (<= {ready_s:.0f}), "
            f"{one.cpu_s:.1f} s of CPU; {at_rest}"
        )


if __name__ == "__main__":
    main()
