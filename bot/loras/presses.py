"""The buttons on cards of the library."""

from collections.abc import Awaitable, Callable, Mapping

from sqlalchemy.orm import Session

from bot.answers import Press
from bot.cards import marks
from bot.loras import cards, shown
from bot.loras.training import ordering
from bot.markdown import plain
from bot.services import Services
from store.errors import NotYours
from store.loras import library, shares
from store.tables.loras import Lora


async def _page(services: Services, interaction: Press, number: str, _page: int) -> None:
    await interaction.response.defer()
    await shown.listing(services, interaction, marks.page(number))


async def _favour(services: Services, interaction: Press, lora_id: str, _page: int) -> None:
    await interaction.response.defer()
    lora = await shown.usable(services, interaction, lora_id)
    await services.database.run(shares.favour, interaction.user.id, lora.id)
    await shown.info(services, interaction, lora)


async def _drop(services: Services, interaction: Press, lora_id: str, _page: int) -> None:
    await interaction.response.defer()
    lora = await services.database.read(_own, lora_id, interaction.user.id)
    letter = cards.removal(services.words(interaction.locale), lora)
    await interaction.edit_original_response(view=letter.view, attachments=[])


async def _gone(services: Services, interaction: Press, lora_id: str, _page: int) -> None:
    await interaction.response.defer()

    def remove(session: Session) -> Lora:
        lora = _own(session, lora_id, interaction.user.id)
        library.remove(session, lora)
        return lora

    lora = await services.database.run(remove)
    said = services.words(interaction.locale)("lora_remove.done", name=plain(lora.name))
    await interaction.edit_original_response(view=cards.said(said).view, attachments=[])


def _own(session: Session, lora_id: str, user_id: int) -> Lora:
    lora = library.by_id(session, lora_id)
    if lora.owner_id != user_id:
        raise NotYours
    return lora


HANDLERS: Mapping[str, Callable[[Services, Press, str, int], Awaitable[None]]] = {
    "loras": _page,
    "lorafav": _favour,
    "loradrop": _drop,
    "loragone": _gone,
    "traingo": ordering.confirmed,
    "trainstop": ordering.stopped,
}
