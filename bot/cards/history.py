"""A member's own orders as ephemeral pages, all of them or those that fit a search.

What is looked for stands in the buttons themselves, so that a page of before a restart still turns.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Self

from discord import ui

from bot.answers import Press
from bot.cards import letters, marks
from bot.cards.letters import Attachment, Letter
from bot.cards.order_card import CALM, offered, press
from bot.delivery import pictures
from bot.i18n import Words
from bot.markdown import plain
from bot.servers.standing import home
from bot.services import Services
from engine.errors import VariantUnknown
from engine.request import GenerationRequest
from engine.variants.catalog import Variant
from store.money.ledger import Flow
from store.orders import searches
from store.orders.searches import Search
from store.tables.orders import Generation

PER_PAGE = 3
"""Nine components an order: four would pass Discord's forty."""
PROMPT_SHOWN = 160
WORDS_LIMIT = 40
"""What a button has room for, beside the name of any variant that ships."""
STARRED, ANY = "*", "-"


@dataclass(frozen=True, slots=True)
class Shown:
    """A page, and what is looked for; `tail` is how its buttons remember that."""

    page: int = 0
    wanted: Search = field(default_factory=Search)

    @property
    def tail(self) -> str | None:
        """Return what `read` reads, or None where nothing is looked for."""
        if not self.wanted:
            return None
        star = STARRED if self.wanted.starred else ANY
        return f"{star}{self.wanted.variant}~{self.wanted.words}"

    @classmethod
    def read(cls, page: int, tail: str) -> Self:
        """Return what a button remembers."""
        variant, _, words = tail[1:].partition("~")
        return cls(page, Search(words=words, variant=variant, starred=tail[:1] == STARRED))


async def show(services: Services, interaction: Press, shown: Shown) -> None:
    """Put a page into the deferred answer; past the end, the last page before it."""
    flow = Flow(home(interaction), interaction.user.id)
    offset = shown.page * PER_PAGE
    found = await services.database.read(
        searches.history, flow, shown.wanted, offset=offset, limit=PER_PAGE + 1
    )
    if not found and shown.page > 0:
        await show(services, interaction, replace(shown, page=shown.page - 1))
        return
    thumbnails = [await pictures.thumbnail(services, one.images) for one in found[:PER_PAGE]]
    words = services.words(interaction.locale)
    letter = _page(services, words, found, thumbnails, shown)
    await interaction.edit_original_response(view=letter.view, attachments=letter.files())


def _variant(services: Services, generation: Generation) -> Variant | None:
    with suppress(VariantUnknown):
        return services.catalog[generation.variant]
    return None


def _page(
    services: Services,
    words: Words,
    found: Sequence[Generation],
    thumbnails: Sequence[bytes | None],
    shown: Shown,
) -> Letter:
    card: ui.Container[ui.LayoutView] = ui.Container(accent_colour=CALM)
    card.add_item(ui.TextDisplay("\n".join(_head(words, shown.wanted, any_found=bool(found)))))
    attachments = []
    for generation, thumbnail in zip(found, thumbnails, strict=False):
        name = f"{generation.id}.webp" if thumbnail else None
        if thumbnail and name:
            attachments.append(Attachment(name, thumbnail))
        card.add_item(ui.Separator())
        variant = _variant(services, generation)
        card.add_item(_entry(words, generation, variant, name))
        card.add_item(_entry_buttons(words, generation, variant, shown))
    if shown.page > 0 or len(found) > PER_PAGE:
        card.add_item(ui.Separator())
        card.add_item(_turning(words, shown, is_last=len(found) <= PER_PAGE))
    return Letter(letters.layout(card), tuple(attachments))


def _head(words: Words, wanted: Search, *, any_found: bool) -> Iterator[str]:
    if not wanted:
        yield words("history.title" if any_found else "history.empty")
        return
    if not any_found and wanted == Search(starred=True):
        yield words("history.no_favourites")
        return
    yield words("history.title" if any_found else "history.nothing")
    parts = []
    if wanted.words:
        parts.append(words("history.containing", words=plain(wanted.words)))
    if wanted.variant:
        parts.append(plain(words.name(f"variants.{wanted.variant}", wanted.variant)))
    if wanted.starred:
        parts.append(words("history.starred"))
    yield f"-# {' · '.join(parts)}"


def _entry(
    words: Words, generation: Generation, variant: Variant | None, thumbnail: str | None
) -> ui.Item[ui.LayoutView]:
    request = GenerationRequest.from_json(generation.request)
    facts = words(
        "history.entry" if variant is None or variant.seeds else "history.entry_seedless",
        count=sum(image.status == "done" for image in generation.images),
        seed=request.seeds[0],
        at=generation.created_at // 1000,
    )
    star = "⭐ " if generation.starred else ""
    text = f"{star}**{plain(request.prompt, PROMPT_SHOWN)}**\n-# {facts}"
    if thumbnail is None:
        return ui.TextDisplay(text)
    veiled = any(pictures.is_veiled(generation, one.index) for one in generation.images)
    shown: ui.Thumbnail[ui.LayoutView] = ui.Thumbnail(f"attachment://{thumbnail}", spoiler=veiled)
    return ui.Section(text, accessory=shown)


def _entry_buttons(
    words: Words, generation: Generation, variant: Variant | None, shown: Shown
) -> ui.ActionRow[ui.LayoutView]:
    drop: ui.Button[ui.LayoutView] = ui.Button(
        label=words("buttons.delete"),
        custom_id=marks.button("drop", generation.id, shown.page, shown.tail),
    )
    actions = offered(("open", "new", "again", "remix"), variant)
    return ui.ActionRow(*(press(words, action, generation.id) for action in actions), drop)


def _turning(words: Words, shown: Shown, *, is_last: bool) -> ui.ActionRow[ui.LayoutView]:
    page = shown.page
    turns = (("newer", page - 1, page == 0), ("older", page + 1, is_last))
    return ui.ActionRow(
        *(
            # A disabled button needs an id too, and 0 - 1 is not one that the pattern reads.
            ui.Button(
                label=words(f"history.{key}"),
                custom_id=marks.button("page", key if disabled else to, tail=shown.tail),
                disabled=disabled,
            )
            for key, to, disabled in turns
        )
    )
