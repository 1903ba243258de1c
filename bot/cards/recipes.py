"""An order's recipe as text to copy, on a phone too: a block of its own, nothing shortened."""

from collections.abc import Iterator

from discord import ui

from bot.answers import Press
from bot.cards import letters
from bot.cards.letters import Attachment, Letter
from bot.cards.order_card import CALM, offered, press
from bot.i18n import Words
from bot.markdown import DIRECTION, plain
from bot.services import Services
from bot.wishes import sources
from engine.request import GenerationRequest
from engine.variants.catalog import Variant
from store.errors import Gone
from store.orders import generations
from store.tables.orders import Generation

TEXT_LIMIT = 3600
"""Discord's 4000 characters a message, less what stands around the block."""
FILE = "recipe.txt"


async def show(
    services: Services, interaction: Press, generation: Generation, nth: int = 0
) -> None:
    """Put the recipe into the deferred answer: of an order, or of its picture `nth` (from 1)."""
    parent = None
    if generation.parent_id:
        try:
            parent = await services.database.read(generations.get, generation.parent_id)
        except Gone:
            parent = None
    words, catalog = services.words(interaction.locale), services.catalog
    known = generation.variant in catalog.names
    variant = catalog[generation.variant] if known else None
    here = interaction.guild_id
    letter = card(words, generation, variant, parent if _is_here(parent, here) else None, nth)
    await interaction.edit_original_response(view=letter.view, attachments=letter.files())


def card(
    words: Words,
    generation: Generation,
    variant: Variant | None,
    parent: Generation | None,
    nth: int = 0,
) -> Letter:
    """Return the recipe with a link to the order and the one it comes of, and what to do next."""
    text = "\n".join(lines(words, generation, variant, nth))
    fenced = _fenced(text)
    is_short = len(fenced) <= TEXT_LIMIT
    body = f"```\n{fenced}\n```" if is_short else words("recipe.in_file")
    shown: ui.Container[ui.LayoutView] = ui.Container(accent_colour=CALM)
    shown.add_item(ui.TextDisplay("\n".join([body, *_links(words, generation, parent)])))
    attachments: tuple[Attachment, ...] = ()
    if not is_short:
        attachments = (Attachment(FILE, text.encode()),)
        shown.add_item(ui.File(f"attachment://{FILE}"))
    actions = offered(("original", "again", "remix"), variant)
    buttons = (press(words, action, generation.id, nth or None) for action in actions)
    shown.add_item(ui.ActionRow(*buttons))
    return Letter(letters.layout(shown), attachments)


def lines(
    words: Words, generation: Generation, variant: Variant | None, nth: int = 0
) -> Iterator[str]:
    """Yield what the pictures were drawn from, a line each, under the names of the options."""
    request = GenerationRequest.from_json(generation.request)

    def line(key: str, value: object) -> str:
        return words("recipe.line", name=words(key), value=value)

    yield line("imagine.prompt", request.prompt)
    if request.negative:
        yield line("imagine.negative", request.negative)
    yield line("imagine.variant", request.variant)
    yield line("imagine.size", f"{request.width}x{request.height}")
    if variant is None or variant.seeds:
        seeds = request.seeds[nth - 1 : nth] if nth else request.seeds
        yield line("imagine.seed", " ".join(map(str, seeds)))
    yield line("imagine.count", 1 if nth else request.count)
    yield line("imagine.steps", request.steps)
    yield line("imagine.guidance", f"{request.guidance:g}")
    for key, value in _extras(generation, request):
        yield line(key, value)
    for key, digests in (
        ("recipe.references", request.references),
        ("recipe.canvas", (request.canvas,) if request.canvas else ()),
        ("recipe.mask", (request.mask,) if request.mask else ()),
    ):
        if digests:
            yield line(key, " ".join(digest[:12] for digest in digests))
    yield line("recipe.id", sources.number(generation.id, nth or 1))
    if generation.parent_id:
        yield line("recipe.parent", generation.parent_id)


def _extras(generation: Generation, request: GenerationRequest) -> Iterator[tuple[str, str]]:
    if request.loras:
        yield "imagine.lora", _loras(generation, request)
    if request.canvas:
        yield "recipe.strength", f"{round(request.strength * 100)}%"


def _loras(generation: Generation, request: GenerationRequest) -> str:
    """Name the LoRAs as they were called then, and what they are for ever."""
    remarks = generation.remarks or {}
    said = str(remarks.get("loras", {}).get("named", "")).split(", ")
    uses = [f"{use.sha256[:12]}:{use.weight:g}" for use in request.loras]
    if len(said) != len(uses):
        return ", ".join(uses)
    each = zip(said, request.loras, strict=True)
    return ", ".join(f"{name} ({use.sha256[:12]})" for name, use in each)


def _links(words: Words, generation: Generation, parent: Generation | None) -> Iterator[str]:
    name = plain(words.name(f"variants.{generation.variant}", generation.variant))
    parts = [f"**{name}**"]
    if link := _link(generation):
        parts.append(f"[{words('recipe.message')}]({link})")
    if parent is not None and (link := _link(parent)):
        parts.append(f"[{words('recipe.parent_message')}]({link})")
    yield f"-# {' · '.join(parts)}"


def _link(generation: Generation) -> str | None:
    if generation.message_id is None or not generation.guild_id:
        return None
    place = f"{generation.guild_id}/{generation.channel_id}/{generation.message_id}"
    return f"https://discord.com/channels/{place}"


def _is_here(parent: Generation | None, guild_id: int | None) -> bool:
    return parent is not None and parent.guild_id == guild_id


def _fenced(text: str) -> str:
    # Three of them would end the block; between two of them nothing shows.
    return DIRECTION.sub("", text).replace("``", "`\u200b`")
