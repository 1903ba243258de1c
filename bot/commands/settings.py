"""/settings: what a server chooses; each answer says all that is now set."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Concatenate, ParamSpec

import discord
from discord import app_commands
from sqlalchemy.orm import Session

from bot import settings_card
from bot.answers import Press
from bot.client import Tree
from bot.services import Services
from bot.standing import require_manager
from store import budgets, servers
from store.plans import micros
from store.servers import NUMBERS, Defaults, Server

P = ParamSpec("P")
MOST_CHECKIN = 1_000
MOST_CHOICES = 25
NO_PLAN = "-"
"""The choice that takes a role's plan away; no table of plans.toml is named so."""


def register(tree: Tree, services: Services) -> None:
    """Add the command."""
    mark = services.texts.mark
    group = app_commands.Group(
        name=mark("settings.name"),
        description=mark("settings.description"),
        guild_only=True,
        default_permissions=discord.Permissions(manage_guild=True),
    )
    for add in (_show, _zone, _role, _plan, _slow_lane, _checkin, _budget):
        add(group, services)
    tree.add_command(group)


def _show(group: app_commands.Group, services: Services) -> None:
    @_command(group, services, "show")
    async def show(interaction: Press) -> None:
        await _answer(services, interaction, servers.read)


def _zone(group: app_commands.Group, services: Services) -> None:
    @_command(group, services, "zone", "zone")
    async def zone(interaction: Press, zone: str) -> None:
        await _answer(services, interaction, servers.set_zone, zone.strip())

    async def zones(_interaction: Press, typed: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=name, value=name) for name in matching_zones(typed)]

    zone.autocomplete("zone")(zones)


def _role(group: app_commands.Group, services: Services) -> None:
    @_command(group, services, "role", "role", "plan")
    @app_commands.choices(plan=[*_plans(services), _choice(services, "settings.no_plan", NO_PLAN)])
    async def role(interaction: Press, role: discord.Role, plan: str) -> None:
        named = None if plan == NO_PLAN else plan
        await _answer(services, interaction, servers.set_role, role.id, named)


def _plan(group: app_commands.Group, services: Services) -> None:
    numbers = [_choice(services, f"plan_numbers.{name}", name) for name in NUMBERS]

    @_command(group, services, "plan", "plan", "number", "value")
    @app_commands.choices(plan=_plans(services), number=numbers)
    async def plan(interaction: Press, plan: str, number: str, value: int) -> None:
        await _answer(services, interaction, servers.set_number, plan, number, value)


def _slow_lane(group: app_commands.Group, services: Services) -> None:
    @_command(group, services, "slow_lane", "on")
    async def slow_lane(interaction: Press, on: bool) -> None:
        await _answer(services, interaction, servers.set_slow_lane, on)


def _checkin(group: app_commands.Group, services: Services) -> None:
    @_command(group, services, "checkin", "credits")
    async def checkin(
        interaction: Press, credits: app_commands.Range[int, 0, MOST_CHECKIN]
    ) -> None:
        await _answer(services, interaction, servers.set_checkin, credits)


def _budget(group: app_commands.Group, services: Services) -> None:
    @_command(group, services, "budget", "dollars")
    async def budget(
        interaction: Press, dollars: app_commands.Range[float, 0.0, 1_000_000.0]
    ) -> None:
        await _answer(services, interaction, _fund, micros(dollars))


def _fund(
    session: Session, defaults: Defaults, guild_id: int, now: datetime, daily_micros: int
) -> Server:
    server = servers.set_budget(session, defaults, guild_id, now, daily_micros)
    budgets.fund(session, guild_id, server.daily_micros, server.now)
    return server


def matching_zones(typed: str) -> list[str]:
    """Return time zones that contain what was typed, those that start with it first."""
    wanted = typed.strip().casefold().replace(" ", "_")
    found = [name for name in servers.zones() if wanted in name.casefold()]
    found.sort(key=lambda name: not name.rpartition("/")[2].casefold().startswith(wanted))
    return found[:MOST_CHOICES]


async def _answer(
    services: Services,
    interaction: Press,
    change: Callable[Concatenate[Session, Defaults, int, datetime, P], Server],
    *arguments: P.args,
    **named: P.kwargs,
) -> None:
    require_manager(interaction)
    await interaction.response.defer(ephemeral=True)
    guild_id = interaction.guild_id or 0
    server = await services.database.run(
        change, services.defaults, guild_id, services.now(), *arguments, **named
    )
    words = services.words(interaction.locale)
    paid = any(services.catalog[name].vendor for name in services.catalog.names)
    lines = settings_card.lines(words, server, services.defaults.plans, shows_money=paid)
    await interaction.edit_original_response(content="\n".join(lines)[: settings_card.LIMIT])


def _command(
    group: app_commands.Group, services: Services, name: str, *options: str
) -> Callable[[Any], Any]:
    mark = services.texts.mark
    names = {option: mark(f"settings_{name}.{option}") for option in options}
    hints = {option: mark(f"settings_{name}.{option}_hint") for option in options}

    def add(callback: Any) -> Any:
        if options:
            callback = app_commands.rename(**names)(app_commands.describe(**hints)(callback))
        described = mark(f"settings_{name}.description")
        return group.command(name=mark(f"settings_{name}.name"), description=described)(callback)

    return add


def _plans(services: Services) -> list[app_commands.Choice[str]]:
    names = services.defaults.plans.names[: MOST_CHOICES - 1]
    return [_choice(services, f"plans.{name}", name) for name in names]


def _choice(services: Services, key: str, value: str) -> app_commands.Choice[str]:
    named = services.texts.mark(key) if services.texts.has(key) else value
    return app_commands.Choice(name=named, value=value)
