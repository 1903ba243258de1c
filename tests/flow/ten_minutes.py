"""From a fresh checkout to a live bot, as a host does it: `python -m tests.flow.ten_minutes`.

What it cannot do is left out: making an application in Discord's portal, and downloading packages.
"""

import asyncio
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from local.conversation import Conversation, Outcome
from local.discord.server import TOKEN, LocalDiscord
from local.discord.world import World
from tests.terminal import ROOT, Terminal, clean

LIMIT_S = 600.0
START_S = 200.0

Tell = Callable[[str], None]


async def walk(folder: Path, tell: Tell) -> float:
    """Go the whole way in a folder; return the seconds it took."""
    began = time.monotonic()

    @asynccontextmanager
    async def step(what: str) -> AsyncIterator[None]:
        started = time.monotonic()
        yield
        tell(f"{time.monotonic() - started:6.1f} s  {what}")

    async with LocalDiscord(World()) as discord:
        async with step("git clone"):
            checkout = await asyncio.to_thread(_cloned, folder)
        async with step("make run, the token typed, the bot connected"):
            terminal = await _started(checkout, discord.url, token=TOKEN)
        try:
            async with step("a member's first picture"):
                await _picture(discord.world)
            async with step("the doctor finds nothing broken"):
                await asyncio.to_thread(_healthy, checkout, discord.url)
        finally:
            terminal.close()
        async with step("started again: nothing is asked"):
            again = await _started(checkout, discord.url)
        again.close()
        assert "Bot token:" not in again.seen
    return time.monotonic() - began


def _cloned(folder: Path) -> Path:
    checkout = folder / "reroll"
    command = ["git", "clone", "--quiet", "--depth", "1", f"file://{ROOT}", str(checkout)]
    subprocess.run(command, check=True)
    recipe = (checkout / "Makefile").read_text()
    assert re.search(r"^run:.*\n\t\$\(BIN\)/python -m local --discord$", recipe, re.MULTILINE)
    return checkout


async def _started(checkout: Path, discord_url: str, token: str = "") -> Terminal:
    terminal = Terminal(checkout, discord_url, checkout)
    if token:
        await asyncio.to_thread(terminal.until, "Bot token: ", START_S)
        terminal.type(token)
    await asyncio.to_thread(terminal.until, "Connected to Discord", START_S)
    return terminal


async def _picture(world: World) -> None:
    conversation = Conversation(world, world.seat("小满"), 120)
    turn = await conversation.say("/画图 提示词:红色背景上的熊猫 种子:7")
    assert turn.outcome is Outcome.PICTURE, turn


def _healthy(checkout: Path, discord_url: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "local", "doctor", "--json"],
        cwd=checkout,
        env={**clean(), "PYTHONPATH": str(checkout), "REROLL_DISCORD_URL": discord_url},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    found = json.loads(ran.stdout)
    assert found["ok"], [one for one in found["findings"] if one["state"] == "broken"]
    names = {one["name"] for one in found["findings"]}
    assert {"token", "permissions", "tables", "broker"} <= names, found["findings"]


def main() -> None:
    """Go the way in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="reroll-") as folder:
        took_s = asyncio.run(walk(Path(folder), print))
    sys.stdout.write(f"{took_s:6.1f} s in all, of {LIMIT_S:.0f}\n")
    raise SystemExit(took_s > LIMIT_S)


if __name__ == "__main__":
    main()
