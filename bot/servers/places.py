"""Where an interaction comes from, what Discord says of that channel, and what the server chose.

The choices are remembered for a moment, so that commands need not wait for the database; an order
reads them again in its own transaction.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

import discord

from bot.answers import Press
from bot.errors import PermissionsMissing
from bot.servers.standing import ELSEWHERE, home
from bot.services import Services
from bot.wishes.options import RawOptions
from engine.errors import RequestRefused
from engine.variants.catalog import Catalog
from store.choices import channels
from store.choices.channels import Manner, Place
from store.errors import StoreUnavailable
from store.tables.servers import Channel

READ_S = 1.0
NEEDED = ("view_channel", "send_messages", "attach_files")
NEEDED_IN_THREADS = ("view_channel", "send_messages_in_threads", "attach_files")
"""An answer within Discord's 15 minutes needs none of these; one after them needs all."""


def place(interaction: Press) -> Place:
    """Return where an interaction comes from; outside servers, or unseen, a place without ids."""
    channel = interaction.channel
    if interaction.guild_id is None or channel is None:
        return Place(guild_id=home(interaction))
    return place_of(home(interaction), channel)


def place_of(guild_id: int, channel: object) -> Place:
    """Return a server's channel as a place; a thread as the channel that it hangs on."""
    parent: object | None = channel
    channel_id = getattr(channel, "id", 0)
    if isinstance(channel, discord.Thread):
        parent, channel_id = channel.parent, channel.parent_id
    is_nsfw: Callable[[], bool] | None = getattr(parent, "is_nsfw", None)
    return Place(
        guild_id=guild_id,
        channel_id=channel_id,
        category_id=getattr(parent, "category_id", None),
        is_age_restricted=is_nsfw() if is_nsfw else None,
    )


def require_permissions_in(channel: discord.TextChannel) -> None:
    """Raise PermissionsMissing where a channel could not be shown pictures."""
    _require(channel.permissions_for(channel.guild.me), NEEDED)


def require_permissions(interaction: Press) -> None:
    """Raise PermissionsMissing where a picture that comes late could not be shown."""
    # Where a member has brought the bot along, what is late comes by direct message.
    if home(interaction) == ELSEWHERE:
        return
    in_thread = isinstance(interaction.channel, discord.Thread)
    _require(interaction.app_permissions, NEEDED_IN_THREADS if in_thread else NEEDED)


def _require(mine: discord.Permissions, needed: Iterable[str]) -> None:
    if missing := [name for name in needed if not getattr(mine, name)]:
        raise PermissionsMissing(permissions=", ".join(missing))


async def manner(services: Services, here: Place) -> Manner:
    """Return what holds in a place, as far as it can be known in time."""
    rows = services.chosen.get(here.guild_id)
    if rows is None:
        rows = []
        # The order asks again, and says so where the database is away.
        with suppress(TimeoutError, StoreUnavailable):
            rows = await _read(services, here.guild_id)
    return channels.manner(rows, here)


async def _read(services: Services, guild_id: int) -> Sequence[Channel]:
    # Where two hundred members come at once, one of them reads for all.
    async with asyncio.timeout(READ_S), services.chosen.reading:
        if (known := services.chosen.get(guild_id)) is not None:
            return known
        rows = await services.database.read(channels.chosen, guild_id)
        services.chosen.put(guild_id, rows)
        return rows


def filled(services: Services, raw: RawOptions, here: Manner) -> RawOptions:
    """Return the options with the channel's variant and size where none were named."""
    variant = raw.variant or _usual(services.catalog, here)
    size = raw.size
    if here.size and not (size or "").strip():
        # It may have been chosen for another variant.
        with suppress(RequestRefused):
            chosen = services.catalog[variant] if variant else services.catalog.default
            services.reader.size(here.size, chosen)
            size = here.size
    return replace(raw, variant=variant, size=size)


def _usual(catalog: Catalog, here: Manner) -> str | None:
    able = [name for name in catalog.names if not catalog[name].accepts.needs_picture]
    allowed = list(filter(here.allows, able))
    if here.variant in allowed:
        return here.variant
    # Where words alone draw nothing here, the default says why.
    return next(iter(allowed), None) if allowed[:1] != [catalog.default.name] else None
