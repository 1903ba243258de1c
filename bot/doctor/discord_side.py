"""The Discord side, looked at by a doctor: token, servers, permissions, commands, clock."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterator

import aiohttp
import discord
from discord.http import Route

from bot.doctor.account import Account, look
from bot.endpoint import use_local_discord
from store.doctor.places import clock
from store.doctor.report import Finding, broken, ok, unknown, warning
from store.host.proxies import ProxyUnusable, proxy_for

PORTAL = "https://discord.com/developers/applications"
FEW_STARTS = 20


def discord_side(
    token: str, discord_url: str, commands: Callable[[], Collection[str] | None]
) -> Iterator[Finding]:
    """Look whether Discord takes the token, and what it says of the bot.

    `commands` returns the names that this version has.
    """
    if not token:
        yield broken("token", "DISCORD_TOKEN is not set", f"{PORTAL}: Bot, Reset Token; into .env")
        return
    try:
        if discord_url:
            use_local_discord(discord_url, token)
        account = asyncio.run(look(token))
    except discord.LoginFailure:
        yield broken("token", "Discord refuses it", f"{PORTAL}: Bot, Reset Token; into .env")
    except ProxyUnusable as error:
        yield broken("token", str(error), "correct it: Discord is reached through it")
    except ValueError as error:
        yield broken("token", str(error), "correct REROLL_DISCORD_URL")
    except (aiohttp.ClientError, discord.DiscordException, OSError) as error:
        said = f"Discord cannot be asked: {type(error).__name__}"
        way = "HTTPS_PROXY names the way there" if proxy_for(Route.BASE) else "or set HTTPS_PROXY"
        yield unknown("token", said, f"see that this machine reaches discord.com; {way}")
    else:
        yield from of(account, commands())


def of(account: Account, commands: Collection[str] | None) -> Iterator[Finding]:
    """Yield what is to be said of an account."""
    yield ok("token", f"{account.name}, application {account.id}")
    yield ok("intents", "guilds only: none that Discord would have to grant")
    yield _endpoint(account)
    yield _starts(account)
    yield from _servers(account)
    yield _commands(account, commands)
    yield clock("Discord", time.time() - account.skew_s)


def _endpoint(account: Account) -> Finding:
    if account.endpoint_url:
        said = "Discord sends commands to a web address, so the bot hears none"
        return broken("commands' way", said, f"{PORTAL}: empty Interactions Endpoint URL")
    return ok("commands' way", "over the connection")


def _starts(account: Account) -> Finding:
    said = f"{account.starts_left} left today, {account.shards} shard(s)"
    if account.starts_left < max(FEW_STARTS, account.shards):
        mend = "something starts the bot again and again: see its log; Discord resets the token"
        return warning("starts", said, mend)
    return ok("starts", said)


def _servers(account: Account) -> Iterator[Finding]:
    if not account.servers:
        yield warning("servers", "the bot is in none", f"open {account.invitation}")
        return
    yield ok("servers", f"in {len(account.servers)}; {account.invitation} brings it into more")
    for server in account.servers:
        if server.lacks:
            mend = "give them to its role, or open the link again"
            yield broken("permissions", f"{server.name} lacks {', '.join(server.lacks)}", mend)
    if not any(server.lacks for server in account.servers):
        yield ok("permissions", "all that is needed, before what single channels take away")


def _commands(account: Account, commands: Collection[str] | None) -> Finding:
    if commands is None:
        return unknown("commands", "this version's cannot be made: see what else is broken")
    missing, other = set(commands) - set(account.commands), set(account.commands) - set(commands)
    if not missing and not other:
        return ok("commands", f"{len(account.commands)}, as this version has them")
    parts = [f"lacks {_some(missing)}"] if missing else []
    parts += [f"has {_some(other)} of another version"] if other else []
    return warning("commands", f"Discord {' and '.join(parts)}", "the bot's next start brings them")


def _some(names: set[str]) -> str:
    shown = sorted(names)[:5]
    return ", ".join(shown) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
