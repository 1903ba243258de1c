"""One order's card for the eyes of one member, with what they may take from it."""

from contextlib import suppress

from discord import ui

from bot.answers import Press
from bot.cards import result_card
from bot.cards.order_card import press
from bot.cards.result_card import Result
from bot.delivery import pictures
from bot.services import Services
from engine.errors import VariantUnknown
from store.tables.orders import Generation


async def show(services: Services, interaction: Press, generation: Generation) -> None:
    """Put the card into the deferred answer. Raises FilesUnavailable."""
    fetched = await pictures.fetch(services, generation, interaction.filesize_limit)
    variant = None
    with suppress(VariantUnknown):
        variant = services.catalog[generation.variant]
    words = services.words(interaction.locale)
    result = Result(generation=generation, fetched=fetched, variant=variant)
    letter = result_card.ended(words, result)
    actions = ["original"] if fetched.attachments else []
    actions.append("recipe")
    if generation.user_id == interaction.user.id:
        actions.append("star")
    letter.view.add_item(ui.ActionRow(*(press(words, one, generation.id) for one in actions)))
    await interaction.edit_original_response(view=letter.view, attachments=letter.files())
