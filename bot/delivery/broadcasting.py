"""Says what the host has to say in every server, once each, and goes on after a restart."""

import asyncio

import discord
import structlog

from bot.services import Services
from store.errors import StoreUnavailable
from store.host import broadcasts
from store.host.broadcasts import UNTOLD
from store.outages import Outages

LOOK_S = 15.0
APART_S = 0.5
"""Between two servers: far below Discord's limit, which members' pictures share."""

log = structlog.get_logger()


class Broadcaster:
    """Looks for what is to be said, and says it."""

    def __init__(
        self, services: Services, client: discord.Client, *, apart_s: float = APART_S
    ) -> None:
        self._services, self._client, self._apart_s = services, client, apart_s
        self._said: dict[str, int] = {}
        """Messages that a database without room could not be told of: said once."""
        self._outages = Outages()

    async def run(self) -> None:
        """Say everything that comes up, for ever."""
        while True:
            try:
                while await self.say_next():
                    pass
                self._outages.ended("database, broadcasts")
            except StoreUnavailable as error:
                self._outages.began("database, broadcasts", error)
            await asyncio.sleep(LOOK_S)

    async def say_next(self) -> bool:
        """Say the oldest that is left, everywhere; return False where there is none."""
        database = self._services.database
        broadcast = await database.read(broadcasts.unfinished)
        if broadcast is None:
            return False
        told = await database.read(broadcasts.told, broadcast.id)
        for guild in self._client.guilds:
            if guild.id not in told:
                nonce = f"b{broadcast.id}-{guild.id}"
                if nonce not in self._said:
                    self._said[nonce] = await _say(guild, broadcast.said, nonce)
                said = self._said[nonce]
                await database.run(broadcasts.posted, broadcast.id, guild.id, said)
                del self._said[nonce]
                await asyncio.sleep(self._apart_s)
        reached, missed = await database.run(broadcasts.finish, broadcast.id)
        log.info("broadcast said", broadcast=broadcast.id, reached=reached, missed=missed)
        return True


async def _say(guild: discord.Guild, said: str, nonce: str) -> int:
    channel = _channel(guild)
    if channel is None:
        return UNTOLD
    try:
        # The nonce makes a repeat after a lost answer the same message.
        message = await channel.send(
            said, nonce=nonce[-25:], allowed_mentions=discord.AllowedMentions.none()
        )
    except discord.HTTPException as error:
        log.warning("server not told", guild=guild.id, error=repr(error))
        return UNTOLD
    return message.id


def _channel(guild: discord.Guild) -> discord.TextChannel | None:
    """Return where a server reads such things: its own system channel, else the first it can."""
    rooms = [guild.system_channel, guild.public_updates_channel, *guild.text_channels]
    return next((room for room in rooms if room is not None and _may_speak(room)), None)


def _may_speak(room: discord.TextChannel) -> bool:
    allowed = room.permissions_for(room.guild.me)
    return allowed.view_channel and allowed.send_messages
