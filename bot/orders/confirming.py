"""Asks before an order that costs much, is doubted, or disappoints, with a button to go on."""

from dataclasses import replace
from typing import TYPE_CHECKING

import discord
from discord import ui

from bot import answers
from bot.answers import Press
from bot.cards import letters, marks, order_card
from bot.cards.letters import Letter
from bot.errors import PromptDoubtful, RerollDiffers
from bot.i18n import Words
from bot.markdown import quote
from bot.orders.questions import Question
from bot.services import Services
from store.money.errors import ConfirmationNeeded

if TYPE_CHECKING:
    from bot.orders.placing import Wish


Needed = ConfirmationNeeded | PromptDoubtful | RerollDiffers
"""What is answered by a question."""


class _Whisper:
    """A question that was asked beside the answer, not as the answer."""

    def __init__(self) -> None:
        self.message: discord.WebhookMessage | None = None

    async def delete_original_response(self) -> None:
        """Take the question away."""
        if self.message is not None:
            await self.message.delete()


async def ask(services: Services, interaction: Press, wished: "Wish", needed: Needed) -> None:
    """Take the public answer back and ask the member alone; one press of the button orders."""

    async def wish() -> "Wish":
        if isinstance(needed, RerollDiffers):
            return replace(wished, differs="")
        if isinstance(needed, PromptDoubtful):
            return replace(wished, vouched=True)
        return replace(wished, confirmed=True)

    whisper = _Whisper()
    size = sum(map(len, wished.uploads.values()))
    key = services.questions.keep(Question(whisper, services.now(), {"confirm": wish}, size))
    words = services.words(interaction.locale)
    letter = _question(words, key, wished, needed)
    whisper.message = await answers.withdraw_for(interaction, letter)


def _question(words: Words, key: str, wished: "Wish", needed: Needed) -> Letter:
    card: ui.Container[ui.LayoutView] = ui.Container(accent_colour=order_card.BUSY)
    said = (words.error(needed), quote(wished.request.prompt), f"-# {words('routing.free')}")
    card.add_item(ui.TextDisplay("\n".join(said)))
    label = words("buttons.vouch")
    if isinstance(needed, ConfirmationNeeded):
        label = words("buttons.confirm", price=needed.params["price"])
    button: ui.Button[ui.LayoutView] = ui.Button(
        label=label,
        style=discord.ButtonStyle.primary,
        custom_id=marks.button("confirm", key),
    )
    card.add_item(ui.ActionRow(button))
    return Letter(letters.layout(card))
