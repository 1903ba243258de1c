"""What moderators do about a reported order; the right to it is asked for at every press."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import discord
import structlog
from sqlalchemy.orm import Session

from bot.answers import Press
from bot.cards import case_card, order_card
from bot.errors import BanNeeded
from bot.loras import previews
from bot.presses import removal, reporting
from bot.presses.private_buttons import Handler
from bot.servers.host import require_reach
from bot.servers.standing import moderates
from bot.services import Services
from store.errors import Gone, NotYours
from store.moderation import reports, sanctions
from store.moderation.reports import Seen
from store.orders.generations import Ward
from store.pictures import showcase

log = structlog.get_logger()

Deed = Callable[[Services, Press, Seen], Awaitable[None]]


def _handler(deed: Deed) -> Handler:
    """Return the answer to a press: the right checked, the deed done, the case made anew."""

    async def answer(services: Services, interaction: Press, generation_id: str, _: int) -> None:
        await interaction.response.defer()
        seen = await _moderated(services, interaction, generation_id)
        await deed(services, interaction, seen)
        await reporting.refresh(services, interaction.client, generation_id)

    return answer


async def _hide(services: Services, interaction: Press, seen: Seen) -> None:
    def hide(session: Session) -> tuple[int, int] | None:
        reports.act(session, seen.generation.id, interaction.user.id, "hide")
        reports.hide(session, seen.generation.id)
        return showcase.keep_out(session, seen.generation.id)

    shown = await services.database.run(hide)
    services.bell.set()
    await previews.withdraw(services, *previews.shows(seen.generation))
    if shown is not None:
        await removal.delete_shown(interaction, *shown)


async def _delete(services: Services, interaction: Press, seen: Seen) -> None:
    by = interaction.user.id
    await services.database.run(reports.act, seen.generation.id, by, "delete")
    # Its author may have been quicker.
    with suppress(Gone):
        # The right was asked for in the moderators' channel, for all of the server.
        kept = Ward(seen.case.guild_id)
        await removal.remove(services, interaction, seen.generation.id, kept=kept)


async def _warn(services: Services, interaction: Press, seen: Seen) -> None:
    by = interaction.user.id
    await services.database.run(reports.act, seen.generation.id, by, "warn")
    await _tell(services, interaction, seen, "warned")


async def _dismiss(services: Services, interaction: Press, seen: Seen) -> None:
    await services.database.run(reports.close, seen.generation.id, interaction.user.id)


async def _ban(services: Services, interaction: Press, seen: Seen) -> None:
    permissions = interaction.permissions
    if not (permissions.ban_members or permissions.manage_guild):
        raise BanNeeded
    await _sanction(services, interaction, seen, "ban", None)
    await _tell(services, interaction, seen, "banned")


async def _suspend(services: Services, interaction: Press, generation_id: str, hours: int) -> None:
    if hours == 0:
        await interaction.response.defer(ephemeral=True, thinking=True)
        seen = await _moderated(services, interaction, generation_id)
        require_reach(services, interaction, seen.generation.user_id)
        letter = case_card.lengths(services.words(interaction.locale), generation_id)
        await interaction.edit_original_response(view=letter.view)
        return
    await interaction.response.defer()
    seen = await _moderated(services, interaction, generation_id)
    hours = min(hours, case_card.SUSPENSIONS[-1])
    await _sanction(services, interaction, seen, "suspend", hours)
    words = services.words(interaction.locale)
    said = words("case.suspended", user=seen.generation.user_id)
    await interaction.edit_original_response(view=order_card.notice(said).view)
    await _tell(services, interaction, seen, "suspended")
    with suppress(discord.NotFound):  # the case may have been deleted since it was opened
        await reporting.refresh(services, interaction.client, generation_id)


async def _sanction(
    services: Services, interaction: Press, seen: Seen, action: str, hours: int | None
) -> None:
    by, generation = interaction.user.id, seen.generation
    require_reach(services, interaction, generation.user_id)

    def put(session: Session) -> None:
        reports.act(session, generation.id, by, action, hours=hours)
        sanctions.put(session, generation.guild_id, generation.user_id, hours, by)

    await services.database.run(put)
    services.bell.set()


async def _tell(services: Services, interaction: Press, seen: Seen, key: str) -> None:
    """Tell the author by direct message, and the moderator where that was not possible."""
    generation, guild = seen.generation, interaction.guild
    words = services.words(generation.locale)
    server = guild.name if guild else ""
    appeals = await services.database.read(sanctions.appeals, generation.guild_id)
    said = words(f"told.{key}", server=server, id=generation.id, appeals=appeals).strip()
    try:
        channel = await interaction.client.create_dm(discord.Object(generation.user_id))
        await channel.send(said)
    except discord.HTTPException as error:
        log.info("author not told", generation=generation.id, error=repr(error))
        untold = services.words(interaction.locale)("case.untold")
        await interaction.followup.send(untold, ephemeral=True)


async def _moderated(services: Services, interaction: Press, generation_id: str) -> Seen:
    seen = await services.database.read(reports.seen, generation_id)
    if not moderates(interaction) or seen.case.guild_id != interaction.guild_id:
        raise NotYours
    return seen


async def _report(services: Services, interaction: Press, generation_id: str, _: int) -> None:
    await reporting.open_form(services, interaction, generation_id)


HANDLERS: Mapping[str, Handler] = {
    "report": _report,
    "rhide": _handler(_hide),
    "rdelete": _handler(_delete),
    "rwarn": _handler(_warn),
    "rban": _handler(_ban),
    "rdismiss": _handler(_dismiss),
    "rsuspend": _suspend,
}
