"""A question before an order is placed: what the matter is, and a button for each way to go on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import discord
from discord import ui

from bot.cards import letters, marks, order_card
from bot.cards.letters import Letter
from bot.i18n import Words
from bot.markdown import quote

PROMPT_SHOWN = 3000
"""Long enough to copy from, should the command have to be typed again."""
LABEL = 80
"""Discord's limit for what stands on a button."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """What is asked about: the prompt, sentences, and the label of the button for each action.

    The first button stands out.
    """

    prompt: str
    lines: Sequence[str]
    labels: Mapping[str, str]


def card(words: Words, key: str, doubt: Doubt) -> Letter:
    """Return the card; its buttons carry the key."""
    said = (
        f"### {words('routing.title')}",
        quote(doubt.prompt, PROMPT_SHOWN),
        *doubt.lines,
        f"-# {words('routing.free')}",
    )
    shown: ui.Container[ui.LayoutView] = ui.Container(accent_colour=order_card.BUSY)
    shown.add_item(ui.TextDisplay("\n".join(said)))
    row: ui.ActionRow[ui.LayoutView] = ui.ActionRow()
    for nth, (action, label) in enumerate(doubt.labels.items()):
        row.add_item(
            ui.Button(
                label=label[:LABEL],
                style=discord.ButtonStyle.secondary if nth else discord.ButtonStyle.primary,
                custom_id=marks.button(action, key),
            )
        )
    shown.add_item(row)
    return Letter(letters.layout(shown))
