"""Who runs this bot: the application's owner or team, as Discord knows them, and named ids."""

import discord

from bot.answers import Press
from bot.errors import HostNeeded
from bot.services import Services

READERS = "read_only"
"""A role in a Discord team that may look and not touch."""


def require_host(services: Services, interaction: Press) -> None:
    """Raise HostNeeded for everybody else."""
    is_named = interaction.user.id in services.owners
    if not is_named and interaction.user.id not in _of(interaction.client.application):
        raise HostNeeded


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
