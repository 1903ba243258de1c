"""Whose credits and rules an interaction is under, and what the member is there.

Discord sends that along, so nothing is asked but by the buttons of a direct message: who presses
one may have lost the roles, or left the server, that the order was placed in.
"""

from collections.abc import Iterator

import discord
import structlog

from bot.answers import Press
from bot.errors import ManagerNeeded, ServerNeeded
from store.money.plans import Rank, Standing
from store.orders.generations import Ward

ELSEWHERE = 0
"""Stands for the server where no server added the bot: a member's own account, direct messages."""
STRANGER = Rank(standings=frozenset({Standing.EVERYONE}))

log = structlog.get_logger()


def home(interaction: Press) -> int:
    """Return the server whose plans, credits and choices count, or ELSEWHERE.

    A member may have added the bot to their own account and use it in servers that have not.
    """
    guild_id = interaction.guild_id or ELSEWHERE
    return guild_id if guild_id and not _is_brought_along(interaction) else ELSEWHERE


def _is_brought_along(interaction: Press) -> bool:
    return interaction.is_user_integration() and not interaction.is_guild_integration()


def rank(interaction: Press) -> Rank:
    """Return what entitles the member to plans; outside a server only what everyone has."""
    member = interaction.user
    if home(interaction) == ELSEWHERE or not isinstance(member, discord.Member):
        return STRANGER
    return _rank(member)


async def payer(interaction: Press, origin: int) -> tuple[int, Rank]:
    """Return whose credits an order spends, and what the member is there.

    A late result comes by direct message; its buttons still spend the credits of `origin`, the
    server it came from, for as long as the member is in it.
    """
    here = home(interaction)
    guild = interaction.client.get_guild(origin) if here == ELSEWHERE and origin else None
    if guild is None:
        return here, rank(interaction)
    try:
        member = await guild.fetch_member(interaction.user.id)
    except discord.NotFound:
        return ELSEWHERE, STRANGER
    except discord.HTTPException as error:
        log.warning("member not asked for", error=repr(error))
        return origin, STRANGER
    return origin, _rank(member)


def moderates(interaction: Press) -> bool:
    """Tell whether the member keeps order in the channel, by itself or in all of the server."""
    return home(interaction) != ELSEWHERE and interaction.permissions.manage_messages


def ward(interaction: Press) -> Ward | None:
    """Return where the member keeps order: all of the server, this channel alone, or nowhere.

    Many are given a channel of their own to keep; any order of the server can be looked up there.
    """
    member, channel = interaction.user, interaction.channel
    if home(interaction) == ELSEWHERE or not isinstance(member, discord.Member):
        return None
    if member.guild_permissions.manage_messages:
        return Ward(home(interaction))
    if not interaction.permissions.manage_messages:
        return None
    above = channel.parent_id if isinstance(channel, discord.Thread) else interaction.channel_id
    return Ward(home(interaction), above or 0)


def require_manager(interaction: Press) -> None:
    """Raise ManagerNeeded for whoever may not manage the server, ServerNeeded outside of one.

    Servers may open commands to other roles, which must not open the host's money to them.
    """
    if home(interaction) == ELSEWHERE:
        raise ServerNeeded
    if not interaction.permissions.manage_guild:
        raise ManagerNeeded


def _rank(member: discord.Member) -> Rank:
    roles = frozenset(role.id for role in member.roles)
    return Rank(roles, frozenset(_standings(member)))


def _standings(member: discord.Member) -> Iterator[Standing]:
    yield Standing.EVERYONE
    if member.premium_since is not None:
        yield Standing.BOOSTER
    # In all of the server: many are given a channel of their own to keep.
    if member.guild_permissions.manage_messages:
        yield Standing.MODERATOR
    if member.guild.owner_id == member.id:
        yield Standing.OWNER
