"""Subcommands by which a server chooses something; each is for those who may manage it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Concatenate, ParamSpec

from discord import app_commands
from sqlalchemy.orm import Session

from bot.answers import Press
from bot.cards import settings_card
from bot.servers import logged
from bot.servers.standing import require_manager
from bot.services import Services
from store.choices import channels, servers
from store.choices.servers import Defaults, Server
from store.tables.servers import Channel

P = ParamSpec("P")
Change = Callable[Concatenate[Session, Defaults, int, datetime, P], Server]


async def answer(
    services: Services,
    interaction: Press,
    change: Change[P],
    *arguments: P.args,
    **named: P.kwargs,
) -> None:
    """Change something, and say to the member alone all that is now set.

    Raises ManagerNeeded or what `change` raises.
    """
    require_manager(interaction)
    await interaction.response.defer(ephemeral=True)
    guild_id = interaction.guild_id or 0

    def changed(session: Session) -> tuple[Server, Sequence[Channel]]:
        now = services.now()
        server = change(session, services.defaults, guild_id, now, *arguments, **named)
        if change is not servers.read:
            logged.note(session, interaction)
        return server, channels.chosen(session, guild_id)

    server, rows = await services.database.run(changed)
    services.chosen.forget(guild_id)
    words = services.words(interaction.locale)
    plans = services.defaults.plans
    paid = any(services.catalog[name].vendor for name in services.catalog.names)
    # What was chosen is shown to whoever chose it, though nothing here costs money yet.
    paid = paid or server.daily_micros != plans.server.daily_micros
    lines = settings_card.lines(words, server, rows, plans, shows_money=paid)
    await interaction.edit_original_response(content=settings_card.fitted(lines))


async def answer_places(
    services: Services, interaction: Press, where: int, change: Callable[[Session, int], None]
) -> None:
    """Change something of a channel (`where`), and say to the member alone what all of them have.

    Raises ManagerNeeded or what `change` raises.
    """
    require_manager(interaction)
    await interaction.response.defer(ephemeral=True)
    guild_id = interaction.guild_id or 0

    def changed(session: Session) -> Sequence[Channel]:
        change(session, guild_id)
        logged.note(session, interaction, **({"channel": str(where)} if where else {}))
        return channels.chosen(session, guild_id)

    rows = await services.database.run(changed)
    services.chosen.forget(guild_id)
    lines = settings_card.places(services.words(interaction.locale), rows)
    await interaction.edit_original_response(content=settings_card.fitted(lines))


def subcommand(
    group: app_commands.Group,
    services: Services,
    name: str,
    *options: str,
    prefix: str = "settings",
) -> Callable[[Any], Any]:
    """Return a decorator that adds a subcommand with the texts of the prefix and its name."""
    mark = services.texts.mark
    table = f"{prefix}_{name}"
    names = {option: mark(f"{table}.{option}") for option in options}
    hints = {option: mark(f"{table}.{option}_hint") for option in options}

    def add(callback: Any) -> Any:
        if options:
            callback = app_commands.rename(**names)(app_commands.describe(**hints)(callback))
        described = mark(f"{table}.description")
        return group.command(name=mark(f"{table}.name"), description=described)(callback)

    return add


def choice(services: Services, key: str, value: str) -> app_commands.Choice[str]:
    """Return a choice by the name that `key` has in each language."""
    named = services.texts.mark(key) if services.texts.has(key) else value
    return app_commands.Choice(name=named, value=value)
