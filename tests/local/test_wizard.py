"""The first start against Discord: the token is asked for, tried, kept and never shown."""

import asyncio
import dataclasses
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bot.doctor.account import Account, Server
from local import wizard
from local.discord.server import TOKEN, LocalDiscord
from local.discord.world import World
from local.errors import NoToken, TokenRefused
from local.wizard import keep, welcome
from tests.terminal import Terminal, clean

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
