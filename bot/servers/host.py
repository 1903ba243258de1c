"""Who runs this bot: the application's owner or team, as Discord knows them, and named ids."""

import discord

from bot.answers import Press
from bot.errors import HostNeeded, HostOutOfReach, OutOfReach
from bot.services import Services

READERS = "read_only"
"""A role in a Discord team that may look and not touch."""


def require_host(services: Services, interaction: Press) -> None:
    """Raise HostNeeded for everybody else."""
    if not is_host(services, interaction):
        raise HostNeeded


def is_host(services: Services, interaction: Press) -> bool:
    """Tell whether a member runs this bot."""
    return _hosts(services, interaction, interaction.user.id)


def require_not_host(services: Services, interaction: Press, user_id: int) -> None:
    """Raise HostOutOfReach for who runs this bot."""
    if _hosts(services, interaction, user_id):
        raise HostOutOfReach


def require_reach(services: Services, interaction: Press, user_id: int) -> None:
    """Raise OutOfReach for whom no moderator may shut out."""
    guild = interaction.guild
    is_owner = guild is not None and guild.owner_id == user_id
    if is_owner or user_id == interaction.user.id or _hosts(services, interaction, user_id):
        raise OutOfReach


def _hosts(services: Services, interaction: Press, user_id: int) -> bool:
    return user_id in services.owners or user_id in _of(interaction.client.application)


def _of(application: discord.AppInfo | None) -> set[int]:
    if application is None:
        return set()
    if application.team is None:
        return {application.owner.id}
    joined = discord.TeamMembershipState.accepted
    return {
        member.id
        for member in application.team.members
        if member.membership_state is joined and member.role.value != READERS
    }
