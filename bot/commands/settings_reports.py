"""/settings reports: where reports go, what those who are shut out are told, and who is."""

import discord
from discord import app_commands
from sqlalchemy.orm import Session

from bot.answers import Press
from bot.cards import sanctions_card, settings_card
from bot.commands.choosing import answer, subcommand
from bot.errors import ReportsPublic
from bot.servers import logged, places
from bot.servers.host import require_reach
from bot.servers.standing import require_manager
from bot.services import Services
from store.choices import servers
from store.moderation import sanctions

APPEALS_LIMIT = 500
MOST_HOURS = 365 * 24


def add(settings: app_commands.Group, services: Services) -> None:
    """Add the group of subcommands."""
    mark = services.texts.mark
    group = app_commands.Group(
        name=mark("settings_reports.name"),
        description=mark("settings_reports.description"),
        parent=settings,
    )
    for one in (_channel, _appeals, _sanctions, _suspend, _pardon):
        one(group, services)


def _channel(group: app_commands.Group, services: Services) -> None:
    @subcommand(group, services, "reports_channel", "channel")
    async def channel(interaction: Press, channel: discord.TextChannel | None = None) -> None:
        if channel is not None:
            places.require_permissions_in(channel)
            # It shows who reported whom.
            if channel.permissions_for(channel.guild.default_role).view_channel:
                raise ReportsPublic
        channel_id = channel.id if channel else None
        await answer(services, interaction, servers.set_reports, channel_id)


def _appeals(group: app_commands.Group, services: Services) -> None:
    @subcommand(group, services, "reports_appeals", "text")
    async def appeals(
        interaction: Press, text: app_commands.Range[str, 1, APPEALS_LIMIT] | None = None
    ) -> None:
        await answer(services, interaction, servers.set_appeals, (text or "").strip() or None)


def _sanctions(group: app_commands.Group, services: Services) -> None:
    @subcommand(group, services, "reports_sanctions")
    async def sanctions_(interaction: Press) -> None:
        require_manager(interaction)
        await interaction.response.defer(ephemeral=True)
        await _show(services, interaction)


def _suspend(group: app_commands.Group, services: Services) -> None:
    @subcommand(group, services, "reports_suspend", "member", "hours")
    async def suspend(
        interaction: Press,
        member: discord.User,
        hours: app_commands.Range[int, 1, MOST_HOURS] | None = None,
    ) -> None:
        require_manager(interaction)
        require_reach(services, interaction, member.id)
        await interaction.response.defer(ephemeral=True)
        guild_id, by = interaction.guild_id or 0, interaction.user.id

        def put(session: Session) -> None:
            sanctions.put(session, guild_id, member.id, hours, by)
            logged.note(session, interaction, member.id)

        await services.database.run(put)
        services.bell.set()
        await _show(services, interaction)


def _pardon(group: app_commands.Group, services: Services) -> None:
    @subcommand(group, services, "reports_pardon", "member")
    async def pardon(interaction: Press, member: discord.User) -> None:
        require_manager(interaction)
        await interaction.response.defer(ephemeral=True)
        guild_id, by = interaction.guild_id or 0, interaction.user.id
        await services.database.run(sanctions.lift, guild_id, member.id, by)
        await _show(services, interaction)


async def _show(services: Services, interaction: Press) -> None:
    found = await services.database.read(sanctions.of, interaction.guild_id or 0)
    lines = sanctions_card.lines(services.words(interaction.locale), found)
    await interaction.edit_original_response(content=settings_card.fitted(lines))
