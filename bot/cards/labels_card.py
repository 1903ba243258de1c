"""What a member's files say about themselves, and what of that they have chosen, for them alone."""

from collections.abc import Iterator

from discord import ui

from bot.answers import Press
from bot.cards import letters, order_card
from bot.cards.letters import Letter
from bot.i18n import Words
from bot.services import Services
from engine.labels.labelling import Labels, Visible
from store.choices import labelling
from store.choices.labelling import Chosen

ME = "me"


async def show(services: Services, interaction: Press) -> None:
    """Put the card into the deferred answer."""
    chosen = await services.database.read(labelling.read, interaction.user.id)
    await _put(services, interaction, chosen)


async def set_wordless(services: Services, interaction: Press, *, on: bool) -> None:
    """Keep the member's prompts out of files from now on, or let them in."""
    user_id = interaction.user.id
    chosen = await services.database.run(labelling.set_wordless, user_id, on=on)
    await _put(services, interaction, chosen)


async def set_label_free(services: Services, interaction: Press, *, on: bool) -> None:
    """Leave the visible label off the member's copies from now on, where the host allows that."""
    allowed = on and services.labels.visible is Visible.ON
    user_id = interaction.user.id
    chosen = await services.database.run(labelling.set_label_free, user_id, on=allowed)
    await _put(services, interaction, chosen)


async def _put(services: Services, interaction: Press, chosen: Chosen) -> None:
    words = services.words(interaction.locale)
    letter = card(words, services.labels, chosen)
    await interaction.edit_original_response(view=letter.view)


def card(words: Words, labels: Labels, chosen: Chosen) -> Letter:
    """Return the card with a button for the contrary of each choice."""
    shown: ui.Container[ui.LayoutView] = ui.Container(accent_colour=order_card.CALM)
    shown.add_item(ui.TextDisplay("\n".join(_lines(words, labels, chosen))))
    actions = ["wordful" if chosen.wordless else "wordless"]
    if labels.visible is Visible.ON:
        actions.append("relabel" if chosen.label_free_at else "unlabel")
    buttons = (order_card.press(words, action, ME) for action in actions)
    shown.add_item(ui.ActionRow(*buttons))
    return Letter(letters.layout(shown))


def _lines(words: Words, labels: Labels, chosen: Chosen) -> Iterator[str]:
    yield words("labels.title")
    yield words("labels.says", provider=labels.provider)
    if labels.seal:
        yield words("labels.signed")
    yield words("labels.wordless" if chosen.wordless else "labels.wordful")
    if labels.visible is Visible.ALWAYS:
        yield words("labels.always")
    elif labels.visible is Visible.ON:
        at = (chosen.label_free_at or 0) // 1000
        yield words("labels.free" if chosen.label_free_at else "labels.visible", at=at)
    yield f"-# {words('labels.from_now')}"
