"""Which picture of an order a button means: the only one, or one that the member picks."""

import asyncio

import discord
from discord import ui

from bot.answers import Press
from bot.cards import letters, marks, order_card
from bot.cards.letters import Letter
from bot.errors import MessageWithoutPicture
from bot.i18n import Words
from bot.presses.remix import READ_S
from bot.servers import sight
from bot.services import Services
from bot.wishes import sources
from store.errors import StoreUnavailable
from store.tables.orders import Generation

A_ROW = 5


async def drawn(
    services: Services, interaction: Press, generation_id: str
) -> tuple[Generation, list[int]]:
    """Return an order and which pictures of it there are, counted from 1.

    Raises Gone, MessageWithoutPicture or StoreUnavailable.
    """
    try:
        async with asyncio.timeout(READ_S):
            generation = await sight.seen(services, interaction, generation_id)
    except TimeoutError as error:
        raise StoreUnavailable from error
    numbers = sources.drawn(generation)
    if not numbers:
        raise MessageWithoutPicture
    return generation, numbers


async def ask(
    services: Services, interaction: Press, action: str, generation_id: str, numbers: list[int]
) -> None:
    """Ask the member alone which picture is meant; each button orders at once."""
    letter = question(services.words(interaction.locale), action, generation_id, numbers)
    await interaction.response.send_message(view=letter.view, ephemeral=True)


def question(words: Words, action: str, generation_id: str, numbers: list[int]) -> Letter:
    """Return the card with a button for each picture, as they are counted in the gallery."""
    card: ui.Container[ui.LayoutView] = ui.Container(accent_colour=order_card.BUSY)
    card.add_item(ui.TextDisplay(words(f"picking.{action}")))
    buttons: list[ui.Button[ui.LayoutView]] = [
        ui.Button(
            label=str(place),
            style=discord.ButtonStyle.secondary,
            custom_id=marks.button(action, generation_id, nth),
        )
        for place, nth in enumerate(numbers, 1)
    ]
    for start in range(0, len(buttons), A_ROW):
        card.add_item(ui.ActionRow(*buttons[start : start + A_ROW]))
    return Letter(letters.layout(card))
