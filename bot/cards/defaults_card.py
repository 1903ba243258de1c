"""What a member has set for their own orders, with a button to forget each."""

from collections.abc import Mapping
from typing import Any

from discord import ui

from bot.answers import Press
from bot.cards import kept_options, letters, marks
from bot.cards.letters import Letter
from bot.cards.order_card import CALM
from bot.i18n import Words
from bot.services import Services
from bot.wishes.filling import KEPT

ALL = "all"
LABEL = 80


async def show(services: Services, interaction: Press, options: Mapping[str, Any]) -> None:
    """Put the card into the deferred answer."""
    letter = card(services.words(interaction.locale), options)
    await interaction.edit_original_response(view=letter.view)


async def forget(services: Services, interaction: Press, option: str) -> None:
    """Forget one option or all, and show what is left."""
    dropped = tuple(KEPT) if option == ALL else (option,)
    user_id = interaction.user.id
    await show(
        services,
        interaction,
        await services.habits.change(services.database, user_id, {}, dropped),
    )


def card(words: Words, options: Mapping[str, Any]) -> Letter:
    """Return the card."""
    shown: ui.Container[ui.LayoutView] = ui.Container(accent_colour=CALM)
    told = list(kept_options.told(words, options))
    head = words("defaults.title" if told else "defaults.none")
    shown.add_item(ui.TextDisplay("\n".join([head, *(f"• {text}" for _, text in told)])))
    if told:
        names = [name for name, _ in told]
        labels = [words("defaults.forget", name=words(f"imagine.{name}")) for name in names]
        pairs = [*zip(names, labels, strict=True), (ALL, words("defaults.forget_all"))]
        for start in range(0, len(pairs), 5):
            shown.add_item(
                ui.ActionRow(
                    *(
                        ui.Button(label=label[:LABEL], custom_id=marks.button("forget", name))
                        for name, label in pairs[start : start + 5]
                    )
                )
            )
    return Letter(letters.layout(shown))
