"""The pictures that a member has at hand as references, and what to do with them."""

from discord import ui

from bot.answers import Press
from bot.cards import letters, marks
from bot.cards.letters import Attachment, Letter
from bot.cards.order_card import CALM
from bot.delivery import pictures
from bot.i18n import Words
from bot.services import Services
from bot.wishes import sources
from store.errors import Gone
from store.orders import generations
from store.pictures import one_picture as stored

HAND = "0"
"""Stands where the custom id of a button names an order."""


async def show(services: Services, interaction: Press) -> None:
    """Put the card into the deferred answer, or in the place of the card that was pressed."""
    user_id = interaction.user.id
    numbers = await services.database.read(stored.at_hand, user_id)
    found = [thumb for one in numbers if (thumb := await _thumbnail(services, one)) is not None]
    letter = card(services.words(interaction.locale), len(numbers), found)
    await interaction.edit_original_response(view=letter.view, attachments=letter.files())


def card(words: Words, count: int, thumbnails: list[tuple[Attachment, bool]]) -> Letter:
    """Return the card; of each picture is told whether it is behind a spoiler."""
    shown: ui.Container[ui.LayoutView] = ui.Container(accent_colour=CALM)
    said = words("hand.title", count=count) if count else words("hand.empty")
    shown.add_item(ui.TextDisplay(said))
    if thumbnails:
        gallery: ui.MediaGallery[ui.LayoutView] = ui.MediaGallery()
        for one, is_veiled in thumbnails:
            gallery.add_item(media=f"attachment://{one.name}", spoiler=is_veiled)
        shown.add_item(gallery)
    if count:
        buttons: list[ui.Button[ui.LayoutView]] = [
            ui.Button(label=words(f"buttons.{one}"), custom_id=marks.button(one, HAND))
            for one in ("handed", "laydown")
        ]
        shown.add_item(ui.ActionRow(*buttons))
    return Letter(letters.layout(shown), tuple(one for one, _ in thumbnails))


async def _thumbnail(services: Services, number: str) -> tuple[Attachment, bool] | None:
    order_id, nth = sources.split(number)
    try:
        generation = await services.database.read(generations.get, order_id)
    except Gone:
        return None
    chosen = [one for one in generation.images if one.index == nth - 1]
    small = await pictures.thumbnail(services, chosen)
    is_veiled = pictures.is_veiled(generation, nth - 1)
    return (Attachment(f"{number}.webp", small), is_veiled) if small else None
