"""The first start against Discord: the token is asked for, tried, kept and never shown."""

import asyncio
import dataclasses
import os
import pty
import re
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.doctor.account import Account, Server
from local import wizard
from local.discord.server import TOKEN, LocalDiscord
from local.discord.world import World
from local.errors import NoToken, TokenRefused
from local.wizard import keep, welcome
from tests.local.conftest import ROOT

ACCOUNT = Account(
    id=42,
    name="Reroll",
    is_public=True,
    endpoint_url=None,
    servers=(),
    shards=1,
    starts_left=990,
    commands=(),
    skew_s=0.0,
)


def test_the_token_is_kept_beside_what_stands_there_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    keep("first", file)
    assert file.read_text() == "DISCORD_TOKEN=first\n"
    file.write_text("# mine\nDISCORD_TOKEN=\nREROLL_VARIANTS=starter\n")
    file.chmod(0o644)
    keep("second\\1", file)
    assert file.read_text() == "# mine\nDISCORD_TOKEN=second\\1\nREROLL_VARIANTS=starter\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_host_is_told_where_to_invite_the_bot_and_what_it_lacks() -> None:
    alone = welcome(ACCOUNT)
    assert "client_id=42" in alone[1]
    assert "permissions=" in alone[1]
    servers = (Server("Home", ()), Server("Den", ("attach_files",)))
    lines = welcome(dataclasses.replace(ACCOUNT, servers=servers))
    assert lines[-1].startswith("In Den it lacks: attach files.")
    assert not any("Home" in line for line in lines)


async def test_without_anybody_to_ask_it_ends_in_words(tmp_path: Path) -> None:
    with pytest.raises(NoToken, match="make play"):
        await wizard.token_of({}, tmp_path / ".env", print)


async def test_a_token_that_is_refused_ends_before_anything_starts(tmp_path: Path) -> None:
    ended = await started(tmp_path, {"DISCORD_TOKEN": "wrong"})
    assert ended.returncode == 1
    assert ended.stdout.strip().endswith("after Bot, Reset Token.")
    assert not (tmp_path / "data" / "reroll.db").exists()


async def started(folder: Path, given: dict[str, str]) -> subprocess.CompletedProcess[str]:
    async with LocalDiscord(World()) as local_discord:
        return await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "local", "--discord"],
            cwd=folder,
            env={**clean(), "REROLL_DISCORD_URL": local_discord.url, **given},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )


def clean() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if "DISCORD" not in k and "REROLL" not in k}
    return {**kept, "PYTHONPATH": str(ROOT)}


class Terminal:
    """A person before a terminal in which `python -m local --discord` runs."""

    def __init__(self, folder: Path, discord_url: str) -> None:
        self._own, theirs = pty.openpty()
        self.seen = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "local", "--discord"],
            cwd=folder,
            env={**clean(), "REROLL_DISCORD_URL": discord_url},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        os.set_blocking(self._own, False)

    def until(self, pattern: str, seconds: float = 60) -> None:
        give_up_at = time.monotonic() + seconds
        while not re.search(pattern, self.seen):
            if time.monotonic() > give_up_at:
                raise TimeoutError(self.seen)
            try:
                self.seen += os.read(self._own, 65536).decode()
            except OSError:  # nothing yet, or it has ended
                time.sleep(0.05)

    def type(self, line: str) -> None:
        os.write(self._own, f"{line}\n".encode())

    def close(self) -> int:
        self.process.terminate()
        code = self.process.wait(30)
        os.close(self._own)
        return code


async def test_at_a_terminal_it_asks_again_after_a_wrong_token_and_then_runs(
    tmp_path: Path,
) -> None:
    async with LocalDiscord(World()) as local_discord:
        terminal = Terminal(tmp_path, local_discord.url)
        try:
            await asyncio.to_thread(terminal.until, "Bot token: ")
            terminal.type("not-the-token")
            await asyncio.to_thread(terminal.until, "refuses this bot token[^$]*Bot token: ")
            terminal.type(TOKEN)
            await asyncio.to_thread(terminal.until, "Connected to Discord", 100)
        finally:
            code = terminal.close()
    assert code == 0
    assert "https://discord.com/oauth2/authorize?client_id=" in terminal.seen
    assert TOKEN not in terminal.seen
    assert "not-the-token" not in terminal.seen
    assert (tmp_path / ".env").read_text() == f"DISCORD_TOKEN={TOKEN}\n"


def test_refusing_says_what_to_do() -> None:
    assert "Reset Token" in str(TokenRefused())
