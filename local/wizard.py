"""Brings a host's bot to Discord: asks for the token, keeps it, and says where to invite it.

The token is typed unseen, tried, and written into a file that only its owner may read.
"""

import getpass
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import aiohttp
import discord

from bot.doctor.account import Account, look
from bot.endpoint import use_local_discord
from local.errors import NoToken, TokenRefused
from local.settings import DISCORD_URL, TOKEN, real_token
from store.host.proxies import ProxyUnusable

TRIES = 3
STEPS = """No bot token yet. It takes a minute:
  1. Open https://discord.com/developers/applications and choose New Application.
  2. Under Bot press Reset Token and copy it. No intent has to be switched on.
  3. Paste it here; it is not shown, and kept in {file} for you alone."""
LINE = re.compile(rf"^\s*(?:export\s+)?{TOKEN}\s*=.*$", re.MULTILINE)

Tell = Callable[[str], None]


async def token_of(settings: Mapping[str, str], env_file: Path, tell: Tell) -> str:
    """Return the token, asking for it where there is none and somebody is there to ask.

    Tells who the bot is and how to invite it. Raises NoToken or TokenRefused.
    """
    if (token := real_token(settings)) is not None:
        await _greet(token, settings, tell)
        return token
    if not sys.stdin.isatty():
        raise NoToken
    tell(STEPS.format(file=env_file))
    for _ in range(TRIES):
        token = getpass.getpass("Bot token: ").strip()
        try:
            await _greet(token, settings, tell)
        except TokenRefused as error:
            tell(str(error))
        else:
            keep(token, env_file)
            tell(f"Kept in {env_file}.")
            return token
    raise TokenRefused


def keep(token: str, env_file: Path) -> None:
    """Write the token into the file, beside what stands there, for its owner alone."""
    before = env_file.read_text(encoding="utf-8") if env_file.exists() else ""
    line = f"{TOKEN}={token}"
    after = LINE.sub(lambda _: line, before, count=1)
    if after == before:
        after = f"{before.rstrip()}\n{line}\n".lstrip()
    fresh = env_file.with_name(f"{env_file.name}.new")
    fresh.unlink(missing_ok=True)
    # Made with these rights: between writing and chmod others could read it.
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(after)
    fresh.replace(env_file)


async def _greet(token: str, settings: Mapping[str, str], tell: Tell) -> None:
    """Say what Discord knows of the bot. Raises TokenRefused."""
    try:
        if url := settings.get(DISCORD_URL):
            use_local_discord(url, token)
        account = await look(token, settings)
    except ProxyUnusable as error:
        tell(f"{error}: Discord cannot be asked about the token.")
    except (discord.LoginFailure, ValueError):
        raise TokenRefused from None
    except (aiohttp.ClientError, discord.DiscordException, OSError):
        tell("Discord cannot be asked about the token now; it is tried when the bot starts.")
    else:
        for line in welcome(account):
            tell(line)


def welcome(account: Account) -> list[str]:
    """Return what a host is told of the bot."""
    if not account.servers:
        return [f"This is {account.name}. Bring it into a server:", f"  {account.invitation}"]
    lacking = [server for server in account.servers if server.lacks]
    lines = [f"This is {account.name}, in {len(account.servers)} server(s). To bring it into more:"]
    lines.append(f"  {account.invitation}")
    for server in lacking:
        lacks = ", ".join(server.lacks).replace("_", " ")
        lines.append(f"In {server.name} it lacks: {lacks}. Open the link again to give them.")
    return lines
