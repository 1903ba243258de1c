"""What Discord says of a bot's account: asked over HTTP alone, so that nothing goes online."""

import os
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import aiohttp
import discord
from discord.http import Route

from bot.proxies import Way, way_to
from bot.servers.places import NEEDED, NEEDED_IN_THREADS

MOST_SERVERS = 200
ASKED = tuple(dict.fromkeys((*NEEDED, *NEEDED_IN_THREADS)))
"""All that a bot is to be given in a server: nothing else is ever used."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that the bot is in, and what it lacks there of `ASKED`."""

    name: str
    lacks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """A bot as Discord knows it; `skew_s` is how far this machine's clock is ahead."""

    id: int
    name: str
    is_public: bool
    endpoint_url: str | None
    servers: tuple[Server, ...]
    shards: int
    starts_left: int
    commands: Collection[str]
    skew_s: float

    @property
    def invitation(self) -> str:
        """Return the link that brings the bot into a server, with the least permissions."""
        wanted = discord.Permissions(**dict.fromkeys(ASKED, True))
        scopes = ("bot", "applications.commands")
        return discord.utils.oauth_url(self.id, permissions=wanted, scopes=scopes)


async def look(token: str, told: Mapping[str, str] = os.environ) -> Account:
    """Ask Discord, through the proxy that `told` names if it does.

    Raises discord.LoginFailure, ProxyUnusable, or what aiohttp raises where Discord is away.
    """
    way = way_to(Route.BASE, told)
    client = discord.Client(intents=discord.Intents.none(), **way)
    async with client:
        await client.login(token)
        application = client.application
        assert application is not None
        shards, _, limit = await client.http.get_bot_gateway()
        found = await client.http.get_guilds(MOST_SERVERS)
        commands = await client.http.get_global_commands(application.id)
        return Account(
            id=application.id,
            name=application.name,
            is_public=application.bot_public,
            endpoint_url=application.interactions_endpoint_url,
            servers=tuple(_server(one) for one in found),
            shards=shards,
            starts_left=limit["remaining"],
            commands=frozenset(command["name"] for command in commands),
            skew_s=await _skew(way),
        )


def _server(found: Mapping[str, object]) -> Server:
    has = discord.Permissions(int(str(found.get("permissions") or 0)))
    lacks = () if has.administrator else tuple(name for name in ASKED if not getattr(has, name))
    return Server(str(found["name"]), lacks)


async def _skew(way: Way) -> float:
    async with (
        aiohttp.ClientSession(**way) as session,
        session.get(f"{Route.BASE}/gateway") as answer,
    ):
        stated = answer.headers.get("Date")
    return time.time() - parsedate_to_datetime(stated).timestamp() if stated else 0.0
