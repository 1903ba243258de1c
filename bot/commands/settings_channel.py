"""/settings channel: where the bot is used, with what, how quietly and how often.

Each is for this channel, another one or a category, or everywhere; the nearest that says something
counts.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import discord
from discord import app_commands
from sqlalchemy.orm import Session

from bot.answers import Press
from bot.commands.assembly import choosing_variant, suggesting_variant, variant_named
from bot.commands.choosing import answer_places, choice, subcommand
from bot.servers import places
from bot.services import Services
from engine.errors import PictureMissing
from store.choices import channels
from store.choices.channels import LONGEST_SLOW_S, SERVER

SAID = {"yes": True, "no": False, "inherit": None}
"""What one may say of a channel; the last leaves it to the category or the server."""
KINDS = (
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.forum,
    discord.ChannelType.voice,
    discord.ChannelType.stage_voice,
    discord.ChannelType.category,
)
"""Where the bot can be used, but for threads, which are their channel."""


class _Somewhere(app_commands.Transformer):
    """A channel of those kinds; discord.py's own types would offer some that the API's does not."""

    @property
    def type(self) -> discord.AppCommandOptionType:
        """Say that it is a channel."""
        return discord.AppCommandOptionType.channel

    @property
    def channel_types(self) -> list[discord.ChannelType]:
        """Say of which kinds."""
        return [*KINDS]

    async def transform(self, _: Press, value: Any, /) -> app_commands.AppCommandChannel:
        """Take it as it is."""
        channel: app_commands.AppCommandChannel = value
        return channel


Where = app_commands.Transform[app_commands.AppCommandChannel, _Somewhere] | None
Said = app_commands.Choice[str]


def add(settings: app_commands.Group, services: Services) -> None:
    """Add the group of subcommands."""
    mark = services.texts.mark
    group = app_commands.Group(
        name=mark("settings_channel.name"),
        description=mark("settings_channel.description"),
        parent=settings,
    )
    for one in (_use, _variant, _defaults, _quiet, _spoiler, _slow, _reset):
        one(group, services)


def _use(group: app_commands.Group, services: Services) -> None:
    @_command(group, services, "use", "said")
    @app_commands.choices(said=_said(services))
    async def use(
        interaction: Press, said: str, channel: Where = None, everywhere: bool = False
    ) -> None:
        where = _where(interaction, channel, everywhere)
        await _choose(services, interaction, where, is_open=SAID[said])


def _variant(group: app_commands.Group, services: Services) -> None:
    @_command(group, services, "variant", "variant", "said")
    @partial(choosing_variant, services)
    @app_commands.choices(said=_said(services))
    async def variant_(
        interaction: Press,
        variant: str,
        said: str,
        channel: Where = None,
        everywhere: bool = False,
    ) -> None:
        where = _where(interaction, channel, everywhere)
        named = variant_named(services, variant)

        def change(session: Session, guild_id: int) -> None:
            channels.choose_variant(session, guild_id, where, named, SAID[said])

        await answer_places(services, interaction, where, change)

    suggesting_variant(services, variant_)


def _defaults(group: app_commands.Group, services: Services) -> None:
    @_command(group, services, "defaults", "variant", "size")
    @partial(choosing_variant, services)
    async def defaults(
        interaction: Press,
        variant: str | None = None,
        size: app_commands.Range[str, 1, 50] | None = None,
        channel: Where = None,
        everywhere: bool = False,
    ) -> None:
        variant = variant_named(services, variant) if variant else None
        if variant and services.catalog[variant].accepts.needs_picture:
            raise PictureMissing(variant=variant)  # /imagine could never draw with it
        if size:
            services.reader.check_size(size, variant)
        where = _where(interaction, channel, everywhere)
        await _choose(services, interaction, where, variant=variant, size=size)

    suggesting_variant(services, defaults)


def _quiet(group: app_commands.Group, services: Services) -> None:
    @_command(group, services, "quiet", "said")
    @app_commands.choices(said=_said(services))
    async def quiet(
        interaction: Press, said: str, channel: Where = None, everywhere: bool = False
    ) -> None:
        where = _where(interaction, channel, everywhere)
        await _choose(services, interaction, where, quiet=SAID[said])


def _spoiler(group: app_commands.Group, services: Services) -> None:
    @_command(group, services, "spoiler", "said")
    @app_commands.choices(said=_said(services))
    async def spoiler(
        interaction: Press, said: str, channel: Where = None, everywhere: bool = False
    ) -> None:
        where = _where(interaction, channel, everywhere)
        await _choose(services, interaction, where, spoiler=SAID[said])


def _slow(group: app_commands.Group, services: Services) -> None:
    @_command(group, services, "slow", "seconds")
    async def slow(
        interaction: Press,
        seconds: app_commands.Range[int, 0, LONGEST_SLOW_S],
        channel: Where = None,
        everywhere: bool = False,
    ) -> None:
        where = _where(interaction, channel, everywhere)
        await _choose(services, interaction, where, slow_s=seconds)


def _reset(group: app_commands.Group, services: Services) -> None:
    @_command(group, services, "reset")
    async def reset(interaction: Press, channel: Where = None, everywhere: bool = False) -> None:
        where = _where(interaction, channel, everywhere)

        def change(session: Session, guild_id: int) -> None:
            channels.reset(session, guild_id, where)

        await answer_places(services, interaction, where, change)


async def _choose(services: Services, interaction: Press, where: int, **values: Any) -> None:
    def change(session: Session, guild_id: int) -> None:
        channels.choose(session, guild_id, where, **values)

    await answer_places(services, interaction, where, change)


def _where(interaction: Press, channel: Where, everywhere: bool) -> int:
    if everywhere:
        return SERVER
    return channel.id if channel else places.place(interaction).channel_id


def _command(
    group: app_commands.Group, services: Services, name: str, *options: str
) -> Callable[[Any], Any]:
    """Return the decorator; where it counts is asked in the same words everywhere."""
    mark, add = services.texts.mark, subcommand(group, services, f"channel_{name}", *options)
    shared = ("channel", "everywhere")
    names = {option: mark(f"settings_channel.{option}") for option in shared}
    hints = {option: mark(f"settings_channel.{option}_hint") for option in shared}

    def both(callback: Any) -> Any:
        return add(app_commands.rename(**names)(app_commands.describe(**hints)(callback)))

    return both


def _said(services: Services) -> list[Said]:
    return [choice(services, f"settings_channel.said_{one}", one) for one in SAID]
