"""The audit log of a server, a page at a time; read only by those who manage it."""

from collections.abc import Iterator, Sequence

from discord import ui

from bot.answers import Press
from bot.cards import deeds, letters, marks
from bot.cards.letters import Letter
from bot.cards.order_card import CALM
from bot.i18n import Words
from bot.services import Services
from store.moderation import audit
from store.tables.moderation import AuditEntry

PER_PAGE = 10


async def show(services: Services, interaction: Press, page: int) -> None:
    """Put a page into the deferred answer."""
    found = await services.database.read(
        audit.page, interaction.guild_id or 0, offset=page * PER_PAGE, limit=PER_PAGE + 1
    )
    letter = card(services.words(interaction.locale), found, page)
    await interaction.edit_original_response(view=letter.view)


def card(words: Words, found: Sequence[AuditEntry], page: int) -> Letter:
    """Return a page; one entry more than it shows says that there is another."""
    shown: ui.Container[ui.LayoutView] = ui.Container(accent_colour=CALM)
    said = [deeds.line(words, entry) for entry in found[:PER_PAGE]] or [words("audit.none")]
    shown.add_item(ui.TextDisplay("\n".join([words("audit.title"), *said])))
    if page or len(found) > PER_PAGE:
        shown.add_item(ui.ActionRow(*_turns(words, page, has_more=len(found) > PER_PAGE)))
    return Letter(letters.layout(shown))


def _turns(words: Words, page: int, *, has_more: bool) -> Iterator[ui.Button[ui.LayoutView]]:
    for key, to, disabled in (("back", page - 1, page == 0), ("more", page + 1, not has_more)):
        yield ui.Button(
            label=words(f"variant_list.{key}"),
            custom_id=marks.button("audit", key if disabled else to),
            disabled=disabled,
        )
