"""/settings: what a server chooses; each answer says all that is now set."""

from datetime import datetime

import discord
from discord import app_commands
from sqlalchemy.orm import Session

from bot.answers import Press
from bot.cards.deeds import NO_PLAN
from bot.client import Tree
from bot.commands import settings_audit, settings_channel, settings_reports, settings_rules
from bot.commands.choosing import answer, choice, subcommand
from bot.servers import places
from bot.services import Services
from store.choices import servers
from store.choices.servers import NUMBERS, SHOWCASE_VOTES, Defaults, Server
from store.money import budgets
from store.money.plans import micros

MOST_CHECKIN = 1_000
MOST_VOTES = 50
MOST_DAYS = 3_650
MOST_CHOICES = 25


def register(tree: Tree, services: Services) -> None:
    """Add the command."""
    mark = services.texts.mark
    group = app_commands.Group(
        name=mark("settings.name"),
        description=mark("settings.description"),
        guild_only=True,
        default_permissions=discord.Permissions(manage_guild=True),
    )
    for add in (_show, _zone, _role, _plan, _slow_lane, _checkin, _budget, _showcase, _retention):
        add(group, services)
    settings_channel.add(group, services)
    settings_rules.add(group, services)
    settings_reports.add(group, services)
    settings_audit.add(group, services)
    tree.add_command(group)


def _show(group: app_commands.Group, services: Services) -> None:
    @subcommand(group, services, "show")
    async def show(interaction: Press) -> None:
        await answer(services, interaction, servers.read)


def _zone(group: app_commands.Group, services: Services) -> None:
    @subcommand(group, services, "zone", "zone")
    async def zone(interaction: Press, zone: str) -> None:
        await answer(services, interaction, servers.set_zone, zone.strip())

    async def zones(_interaction: Press, typed: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=name, value=name) for name in matching_zones(typed)]

    zone.autocomplete("zone")(zones)


def _role(group: app_commands.Group, services: Services) -> None:
    @subcommand(group, services, "role", "role", "plan")
    @app_commands.choices(plan=[*_plans(services), choice(services, "settings.no_plan", NO_PLAN)])
    async def role(interaction: Press, role: discord.Role, plan: str) -> None:
        named = None if plan == NO_PLAN else plan
        await answer(services, interaction, servers.set_role, role.id, named)


def _plan(group: app_commands.Group, services: Services) -> None:
    numbers = [choice(services, f"plan_numbers.{name}", name) for name in NUMBERS]

    @subcommand(group, services, "plan", "plan", "number", "value")
    @app_commands.choices(plan=_plans(services), number=numbers)
    async def plan(interaction: Press, plan: str, number: str, value: int) -> None:
        await answer(services, interaction, servers.set_number, plan, number, value)


def _slow_lane(group: app_commands.Group, services: Services) -> None:
    @subcommand(group, services, "slow_lane", "on")
    async def slow_lane(interaction: Press, on: bool) -> None:
        await answer(services, interaction, servers.set_slow_lane, on)


def _checkin(group: app_commands.Group, services: Services) -> None:
    @subcommand(group, services, "checkin", "credits")
    async def checkin(
        interaction: Press, credits: app_commands.Range[int, 0, MOST_CHECKIN]
    ) -> None:
        await answer(services, interaction, servers.set_checkin, credits)


def _budget(group: app_commands.Group, services: Services) -> None:
    @subcommand(group, services, "budget", "dollars")
    async def budget(
        interaction: Press, dollars: app_commands.Range[float, 0.0, 1_000_000.0]
    ) -> None:
        await answer(services, interaction, _fund, micros(dollars))


def _showcase(group: app_commands.Group, services: Services) -> None:
    @subcommand(group, services, "showcase", "channel", "votes")
    async def showcase(
        interaction: Press,
        channel: discord.TextChannel | None = None,
        votes: app_commands.Range[int, 1, MOST_VOTES] = SHOWCASE_VOTES,
    ) -> None:
        if channel is not None:
            places.require_permissions_in(channel)
        channel_id = channel.id if channel else None
        await answer(services, interaction, servers.set_showcase, channel_id, votes)


def _retention(group: app_commands.Group, services: Services) -> None:
    @subcommand(group, services, "retention", "days")
    async def retention(interaction: Press, days: app_commands.Range[int, 0, MOST_DAYS]) -> None:
        await answer(services, interaction, servers.set_retention, days)


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


def _plans(services: Services) -> list[app_commands.Choice[str]]:
    names = services.defaults.plans.names[: MOST_CHOICES - 1]
    return [choice(services, f"plans.{name}", name) for name in names]
