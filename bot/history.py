"""A member's own orders as ephemeral pages, and one of them opened again."""

from collections.abc import Sequence
from contextlib import suppress

from discord import ui

from bot import letters, marks, pictures, result_card
from bot.answers import Press
from bot.cards import CALM, offered, press
from bot.i18n import Words
from bot.letters import Attachment, Letter
from bot.markdown import plain
from bot.result_card import Result
from bot.services import Services
from engine.catalog import Variant
from engine.errors import VariantUnknown
from engine.request import GenerationRequest
from store import generations
from store.ledger import Flow
from store.tables import Generation

PER_PAGE = 3
"""Nine components an order: four would pass Discord's forty."""
PROMPT_SHOWN = 160


async def show(services: Services, interaction: Press, page: int) -> None:
    """Put a page into the deferred answer; past the end, the last page before it."""
    flow = Flow(interaction.guild_id or 0, interaction.user.id)
    found = await services.database.run(
        generations.history, flow, offset=page * PER_PAGE, limit=PER_PAGE + 1
    )
    if not found and page > 0:
        await show(services, interaction, page - 1)
        return
    thumbnails = [await pictures.thumbnail(services.files, one.images) for one in found[:PER_PAGE]]
    letter = _page(services, services.words(interaction.locale), found, thumbnails, page)
    await interaction.edit_original_response(view=letter.view, attachments=letter.files())


async def reopen(services: Services, interaction: Press, generation_id: str) -> None:
    """Put one order's card into the deferred answer. Raises Gone or FilesUnavailable."""
    generation = await services.database.run(generations.get, generation_id)
    fetched = await pictures.fetch(services.files, generation.images, interaction.filesize_limit)
    variant = _variant(services, generation)
    result = Result(generation=generation, fetched=fetched, variant=variant)
    letter = result_card.ended(services.words(interaction.locale), result)
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
    page: int,
) -> Letter:
    card: ui.Container[ui.LayoutView] = ui.Container(accent_colour=CALM)
    card.add_item(ui.TextDisplay(words("history.title" if found else "history.empty")))
    attachments = []
    for generation, thumbnail in zip(found, thumbnails, strict=False):
        name = f"{generation.id}.webp" if thumbnail else None
        if thumbnail and name:
            attachments.append(Attachment(name, thumbnail))
        card.add_item(ui.Separator())
        variant = _variant(services, generation)
        card.add_item(_entry(words, generation, variant, name))
        card.add_item(_entry_buttons(words, generation, variant, page))
    if page > 0 or len(found) > PER_PAGE:
        card.add_item(ui.Separator())
        card.add_item(_turning(words, page, is_last=len(found) <= PER_PAGE))
    return Letter(letters.layout(card), tuple(attachments))


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
    text = f"**{plain(request.prompt, PROMPT_SHOWN)}**\n-# {facts}"
    if thumbnail is None:
        return ui.TextDisplay(text)
    return ui.Section(text, accessory=ui.Thumbnail(f"attachment://{thumbnail}"))


def _entry_buttons(
    words: Words, generation: Generation, variant: Variant | None, page: int
) -> ui.ActionRow[ui.LayoutView]:
    drop: ui.Button[ui.LayoutView] = ui.Button(
        label=words("buttons.delete"),
        custom_id=marks.button("drop", generation.id, page),
    )
    actions = offered(("open", "new", "again", "remix"), variant)
    return ui.ActionRow(*(press(words, action, generation.id) for action in actions), drop)


def _turning(words: Words, page: int, *, is_last: bool) -> ui.ActionRow[ui.LayoutView]:
    turns = (("newer", page - 1, page == 0), ("older", page + 1, is_last))
    return ui.ActionRow(
        *(
            # A disabled button needs an id too, and 0 - 1 is not one that the pattern reads.
            ui.Button(
                label=words(f"history.{key}"),
                custom_id=marks.button("page", max(0, to) if not disabled else key),
                disabled=disabled,
            )
            for key, to, disabled in turns
        )
    )
