"""Reads what a card of the library shows, and puts it into a deferred answer."""

from contextlib import suppress
from dataclasses import replace

from sqlalchemy.orm import Session

from bot.answers import Press
from bot.errors import LoraNotReady
from bot.loras import cards, wearing
from bot.loras.cards import PER_PAGE, Known
from bot.servers.standing import home, rank
from bot.services import Services
from store.choices import servers
from store.choices.servers import Server
from store.errors import FilesUnavailable
from store.host import controls
from store.loras import library, shares
from store.loras.errors import LoraUnknown
from store.loras.library import MB, Room
from store.loras.shares import Found, Viewer
from store.moderation import sanctions
from store.money.plans import Plan
from store.tables.loras import Lora


async def listing(services: Services, interaction: Press, page: int) -> None:
    """Show a page of what the member may use here; past the end, the last one."""
    viewer = wearing.viewer(interaction)

    def read(session: Session) -> tuple[list[Found], int, int, Room]:
        count = shares.count(session, viewer)
        shown = max(0, min(page, (count - 1) // PER_PAGE))
        found = shares.find(session, viewer, offset=shown * PER_PAGE, limit=PER_PAGE)
        plan = plan_in(session, services, interaction)
        left = library.room_left(session, viewer.user_id, room(plan))
        return found, count, shown, left

    found, count, shown, left = await services.database.read(read)
    letter = cards.listing(services.words(interaction.locale), found, count, shown, left)
    await interaction.edit_original_response(view=letter.view, attachments=[])


async def info(services: Services, interaction: Press, lora: Lora) -> None:
    """Show the card of a LoRA that the member may use."""
    viewer = wearing.viewer(interaction)
    known = await services.database.read(_known, viewer, lora)
    preview = None
    if lora.preview:
        with suppress(FilesUnavailable):
            preview = await services.files.aget(library.folder(lora.id), lora.preview)
    letter = cards.info(services.words(interaction.locale), replace(known, preview=preview))
    await interaction.edit_original_response(view=letter.view, attachments=letter.files())


async def usable(services: Services, interaction: Press, lora_id: str) -> Lora:
    """Return a LoRA by id. Raises LoraUnknown where the member may not use it here."""
    viewer = wearing.viewer(interaction)

    def read(session: Session) -> Lora:
        lora = library.by_id(session, lora_id)
        if not shares.may_use(session, viewer, lora):
            raise LoraUnknown(value=lora_id)
        return lora

    return await services.database.read(read)


def check_member(session: Session, interaction: Press) -> None:
    """Raise what keeps a member from bringing anything in, as it keeps them from ordering."""
    controls.check_member(session, interaction.user.id)
    sanctions.check(session, home(interaction), interaction.user.id)


def check_kept(lora: Lora) -> None:
    """Raise LoraNotReady for one that was refused, which nobody can ever draw with."""
    if lora.status == cards.REFUSED:
        raise LoraNotReady(value=lora.name)


def room(plan: Plan) -> Room:
    """Return what a plan gives room for."""
    return Room(plan.loras, plan.lora_mb * MB)


def plan_in(session: Session, services: Services, interaction: Press) -> Plan:
    """Return the plan that the member has here."""
    return server_in(session, services, interaction).plan(rank(interaction))


def server_in(session: Session, services: Services, interaction: Press) -> Server:
    """Return what the server has chosen where the member is, with the time in its zone."""
    return servers.read(session, services.defaults, home(interaction), services.now())


def _known(session: Session, viewer: Viewer, lora: Lora) -> Known:
    is_own = lora.owner_id == viewer.user_id
    return Known(
        lora=lora,
        is_own=is_own,
        is_favourite=shares.is_favourite(session, viewer.user_id, lora.id),
        shares=shares.shares(session, lora) if is_own else (),
        guild_id=viewer.guild_id,
    )
