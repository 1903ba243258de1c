"""What a member is in the server of an interaction; Discord sends it along, so nothing is asked."""

from collections.abc import Iterator

import discord

from bot.answers import Press
from bot.errors import ManagerNeeded
from store.plans import Rank, Standing


def rank(interaction: Press) -> Rank:
    """Return what entitles the member to plans; outside a server only what everyone has."""
    member = interaction.user
    if not isinstance(member, discord.Member):
        return Rank(standings=frozenset({Standing.EVERYONE}))
    roles = frozenset(role.id for role in member.roles)
    return Rank(roles, frozenset(_standings(interaction, member)))


def _standings(interaction: Press, member: discord.Member) -> Iterator[Standing]:
    yield Standing.EVERYONE
    if member.premium_since is not None:
        yield Standing.BOOSTER
    if interaction.permissions.manage_messages:
        yield Standing.MODERATOR
    if interaction.guild is not None and interaction.guild.owner_id == member.id:
        yield Standing.OWNER


def require_manager(interaction: Press) -> None:
    """Raise ManagerNeeded for whoever may not manage the server.

    Servers may open commands to other roles, which must not open the host's money to them.
    """
    if not interaction.permissions.manage_guild:
        raise ManagerNeeded
