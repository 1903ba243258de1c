"""One picture of an order for the eyes of one member, with all that can be done with it alone."""

from collections.abc import Iterator
from contextlib import suppress

from discord import ui

from bot.answers import Press
from bot.cards import letters
from bot.cards.letters import Attachment, Letter
from bot.cards.order_card import CALM, offered, press, reworked
from bot.delivery import pictures
from bot.i18n import Words
from bot.markdown import plain, quote
from bot.services import Services
from bot.wishes import sources
from engine.errors import VariantUnknown
from engine.request import GenerationRequest
from engine.variants.catalog import Variant
from store.errors import Gone
from store.tables.orders import Generation

PROMPT = 600
ALT_TEXT = 250


async def show(services: Services, interaction: Press, generation: Generation, nth: int) -> None:
    """Put the card into the deferred answer. Raises Gone or FilesUnavailable."""
    fetched = await pictures.fetch(services, generation, interaction.filesize_limit, nth)
    if not fetched.attachments:
        raise Gone(id=generation.id)
    (file,) = fetched.attachments.values()
    words = services.words(interaction.locale)
    is_own = generation.user_id == interaction.user.id
    letter = card(services, words, generation, nth, file, is_own=is_own)
    await interaction.edit_original_response(view=letter.view, attachments=letter.files())


def card(
    services: Services,
    words: Words,
    generation: Generation,
    nth: int,
    file: Attachment,
    *,
    is_own: bool,
) -> Letter:
    """Return the card; what only its owner may do is shown to them alone."""
    variant = None
    with suppress(VariantUnknown):
        variant = services.catalog[generation.variant]
    request = GenerationRequest.from_json(generation.request)
    shown: ui.Container[ui.LayoutView] = ui.Container(accent_colour=CALM)
    shown.add_item(ui.TextDisplay(quote(request.prompt, PROMPT)))
    gallery: ui.MediaGallery[ui.LayoutView] = ui.MediaGallery()
    described, spoiler = request.prompt[:ALT_TEXT], pictures.is_veiled(generation, nth - 1)
    gallery.add_item(media=f"attachment://{file.name}", description=described, spoiler=spoiler)
    shown.add_item(gallery)
    shown.add_item(ui.TextDisplay("\n".join(_facts(words, generation, request, variant, nth))))
    for actions in _rows(services, variant, is_own=is_own):
        buttons = (press(words, action, generation.id, nth) for action in actions)
        shown.add_item(ui.ActionRow(*buttons))
    return Letter(letters.layout(shown), (file,))


def _facts(
    words: Words,
    generation: Generation,
    request: GenerationRequest,
    variant: Variant | None,
    nth: int,
) -> Iterator[str]:
    name = plain(words.name(f"variants.{request.variant}", request.variant))
    parts = [f"**{name}**", f"{request.width}×{request.height}"]
    if variant is None or variant.seeds:
        parts.append(words("result.seed", seeds=f"`{request.seeds[nth - 1]}`"))
    yield " · ".join(parts)
    star = "⭐ · " if generation.images[nth - 1].starred else ""
    yield f"-# {star}`{sources.number(generation.id, nth)}`"


def _rows(
    services: Services, variant: Variant | None, *, is_own: bool
) -> Iterator[tuple[str, ...]]:
    yield offered(("new", "again", "remix"), variant)
    able = reworked(variant)
    if any(services.catalog[name].accepts.most_references > 1 for name in services.catalog.names):
        able = (*able, "refer")
    if able:
        yield able
    yield ("original", "recipe", "star", "delete") if is_own else ("original", "recipe", "delete")
