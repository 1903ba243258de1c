"""What the doctor says of the Discord side, asked over the wire of the local Discord."""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

import discord
import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route
from pydantic import SecretStr

from bot.doctor import visit
from bot.doctor.account import ASKED, Account, Server, look
from bot.doctor.discord_side import of
from bot.endpoint import use_local_discord
from local.discord.server import TOKEN, LocalDiscord
from local.discord.world import World
from store.doctor.report import Finding, State
from tests import tunnel
from tests.bot.test_main import environment, started

GOOD = Account(
    id=42,
    name="Reroll",
    is_public=True,
    endpoint_url=None,
    servers=(Server("Home", ()),),
    shards=1,
    starts_left=990,
    commands=frozenset({"imagine"}),
    skew_s=0.1,
)


def found(account: Account, *commands: str) -> dict[str, Finding]:
    return {one.name: one for one in of(account, commands or ("imagine",))}


def test_an_account_that_is_well_has_nothing_to_mend() -> None:
    assert {one.state for one in found(GOOD).values()} == {State.OK}


@pytest.mark.parametrize(
    ("change", "name", "state", "words"),
    [
        ({"servers": ()}, "servers", State.WARNING, "https://discord.com/oauth2/authorize"),
        ({"endpoint_url": "https://x.example"}, "commands' way", State.BROKEN, "Interactions"),
        ({"starts_left": 3}, "starts", State.WARNING, "again and again"),
        ({"commands": frozenset({"draw"})}, "commands", State.WARNING, "next start"),
        ({"skew_s": 900.0}, "clock", State.BROKEN, "NTP"),
        ({"servers": (Server("Den", ("attach_files",)),)}, "permissions", State.BROKEN, "role"),
    ],
)
def test_what_is_not_well_says_how_to_mend_it(
    change: dict[str, object], name: str, state: State, words: str
) -> None:
    one = found(replace(GOOD, **change))[name]  # type: ignore[arg-type]
    assert one.state is state
    assert words in one.mend


def test_the_invitation_asks_for_the_least() -> None:
    permissions = int(GOOD.invitation.partition("permissions=")[2].partition("&")[0])
    assert discord.Permissions(permissions) == discord.Permissions(**dict.fromkeys(ASKED, True))
    assert len(ASKED) == 4


async def said_by(folder: Path, **changes: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "doctor"),
        cwd=folder,
        env=environment(folder, **changes),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, errors = await asyncio.wait_for(process.communicate(), 60)
    assert b"Traceback" not in errors, errors.decode()
    return process.returncode, said.decode()


async def test_over_the_wire_a_good_and_a_broken_set_up(
    tmp_path: Path, sqlite_url: str, broker_url: str
) -> None:
    async with LocalDiscord(World()) as local_discord:
        good = {
            "REROLL_DISCORD_URL": local_discord.url,
            "DISCORD_TOKEN": TOKEN,
            "REROLL_DATABASE_URL": sqlite_url,
            "REROLL_BROKER_URL": broker_url,
        }
        code, said = await said_by(tmp_path, **good)
        assert code == 0, said
        assert "Reroll, application" in said
        assert "in 1;" in said
        assert "it keeps what it is given" in said
        code, said = await said_by(tmp_path, **(good | {"DISCORD_TOKEN": "another-token"}))
        assert code == 1
        assert "Discord refuses it" in said
        assert "another-token" not in said
    code, said = await said_by(tmp_path, **(good | {"DISCORD_TOKEN": ""}))
    assert code == 1
    assert "DISCORD_TOKEN is not set" in said


async def test_discord_is_reached_through_the_proxy_of_the_environment(tmp_path: Path) -> None:
    with tunnel.running() as proxy:
        way = {"HTTPS_PROXY": f"http://me:secret@127.0.0.1:{proxy.port}", "DISCORD_TOKEN": TOKEN}
        bot = await started(tmp_path, **way)
        _, said = await asyncio.wait_for(bot.communicate(), 60)
        assert bot.returncode == 1
        assert b"Discord cannot be reached" in said
        assert b"407" in said
        code, told = await said_by(tmp_path, **way)
    assert code == 1
    assert "HTTPS_PROXY names the way there" in told
    assert {host for host, _ in proxy.asked} == {"discord.com:443"}
    assert all(password.startswith("Basic ") for _, password in proxy.asked)
    assert len(proxy.asked) >= 2
    for secret in ("secret", TOKEN, proxy.asked[0][1].removeprefix("Basic ")):
        assert secret not in told
        assert secret.encode() not in said


async def test_a_proxy_that_is_none_for_http_is_told_and_not_gone_around(tmp_path: Path) -> None:
    way = {"HTTPS_PROXY": "socks5://me:secret@127.0.0.1:1", "DISCORD_TOKEN": TOKEN}
    bot = await started(tmp_path, **way)
    _, said = await asyncio.wait_for(bot.communicate(), 60)
    assert bot.returncode == 2
    assert b"HTTPS_PROXY must be the address of an HTTP proxy" in said
    code, told = await said_by(tmp_path, **way)
    assert code == 1
    assert "HTTPS_PROXY must be the address of an HTTP proxy" in told
    assert "secret" not in told


async def test_what_a_role_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, name in (
        (Route, "BASE"),
        (discord.Asset, "BASE"),
        (DiscordWebSocket, "DEFAULT_GATEWAY"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    world = World()
    everyone = world.backend.get_guild(world.guild.id).roles[world.guild.id]
    everyone.permissions &= ~discord.Permissions(attach_files=True).value
    for role in world.backend.get_guild(world.guild.id).roles.values():
        role.permissions &= ~discord.Permissions(attach_files=True, administrator=True).value
    async with LocalDiscord(world) as local_discord:
        use_local_discord(local_discord.url, TOKEN)
        account = await look(TOKEN)
    (server,) = account.servers
    assert server.lacks == ("attach_files",)


def test_commands_are_those_of_this_version(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("DATABASE_URL", "sqlite:///none.db"),
        ("BROKER_URL", "redis://127.0.0.1:1/0"),
    ):
        monkeypatch.setenv(f"REROLL_{name}", value)
    monkeypatch.setenv("REROLL_FILES_URL", "memory:///")
    names = visit.commands(visit.Lenient())
    assert names is not None
    assert {"imagine", "settings"} <= set(names)
    assert visit.commands(visit.Lenient(variants="none-such")) is None
    assert visit.commands(visit.Lenient(broker_url=SecretStr(""))) == names


async def test_a_bot_whose_tables_are_too_old_says_what_to_run(tmp_path: Path) -> None:
    async with LocalDiscord(World()) as local_discord:
        bot = await started(tmp_path, REROLL_DISCORD_URL=local_discord.url, DISCORD_TOKEN=TOKEN)
        _, said = await asyncio.wait_for(bot.communicate(), 60)
    assert bot.returncode == 2
    assert said.decode().strip().endswith("Run `python -m store upgrade`.")
