"""The remix form: an order's words and numbers to change.

Submissions are read from Discord's raw data, never by the form object, so that a form that was
open while the bot restarted is answered like any other.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import discord
from discord import ui
from sqlalchemy.orm import Session

from bot import answers
from bot.answers import Press
from bot.cards import marks, remarks
from bot.cards.remarks import Remarks
from bot.errors import PressOutdated
from bot.i18n import Words
from bot.loras import listed, wearing
from bot.loras.wearing import Dressed
from bot.orders import placing
from bot.orders.placing import Wish
from bot.presses import slips
from bot.servers import sight
from bot.services import Services
from bot.wishes import flags, routing
from bot.wishes.editing import Asked
from bot.wishes.options import RawOptions, RemixFields
from engine.request import GenerationRequest
from engine.variants.catalog import Variant
from store.errors import StoreUnavailable
from store.loras.shares import Viewer
from store.tables.orders import Generation

READ_S = 2.0
"""A form must be the first answer, within Discord's three seconds."""
OPEN_S = 900.0
LORAS_LIMIT = 200
TEXT_LIMIT = 4000
"""Discord's limit for a text field."""


async def open_form(
    services: Services, interaction: Press, generation_id: str, nth: int = 0
) -> None:
    """Show the form, filled in: for an order, or for its picture `nth` (from 1) alone.

    Raises Gone, VariantUnknown or StoreUnavailable.
    """
    try:
        async with asyncio.timeout(READ_S):
            parent = await sight.seen(services, interaction, generation_id)
    except TimeoutError as error:
        raise StoreUnavailable from error
    request = services.reader.alone(GenerationRequest.from_json(parent.request), nth)
    words = services.words(interaction.locale)
    variant = services.catalog[request.variant]
    form = _form(words, marks.remix_form(generation_id, nth), request, variant)
    if variant.loras:
        form.add_item(_label(words, "lora", _loras(parent), LORAS_LIMIT))
    await interaction.response.send_modal(form)


async def submitted(services: Services, interaction: Press) -> None:
    """Order what a submitted form says."""
    async with answers.guarded(interaction, services.words(interaction.locale)):
        data: Mapping[str, Any] = {**(interaction.data or {})}
        match = marks.REMIX_FORM.fullmatch(data["custom_id"])
        if match is None:
            raise PressOutdated
        wish = _wish(services, interaction, match["id"], int(match["nth"] or 0), _fields(data))
        await placing.submit(services, interaction, lambda: services.database.read(wish))


def _wish(
    services: Services, interaction: Press, generation_id: str, nth: int, fields: RemixFields
) -> Callable[[Session], Wish]:
    viewer = wearing.viewer(interaction)

    def wish(session: Session) -> Wish:
        parent = sight.read(session, interaction, generation_id)
        request = services.reader.alone(GenerationRequest.from_json(parent.request), nth)
        read, unread = _flagged(services, request, fields)
        changed = services.reader.remixed(request, read)
        said = {**unread, **services.reader.size_remark(read.size, changed)}
        if changed.prompt != request.prompt:
            variant = services.catalog[changed.variant]
            said = {**said, **routing.remarks(changed.prompt, variant)}
        if changed.strength == request.strength:
            said = {**said, **remarks.repeated(parent.remarks or {})}
        dressed = _dressed(session, services, viewer, parent, changed, fields.lora)
        return Wish(request=dressed.request, parent=parent, remarks={**said, **dressed.remarks})

    return wish


def _flagged(
    services: Services, request: GenerationRequest, fields: RemixFields
) -> tuple[RemixFields, Remarks]:
    """Return the form with the options behind its prompt, and what is said of the others.

    A field that was changed counts more. A prompt that was drawn as it is stays so.
    """
    if fields.prompt == request.prompt:
        return fields, {}
    before = {
        "negative": request.negative,
        "size": f"{request.width}x{request.height}",
        "seed": str(request.seeds[0]),
    }
    typed = {name: one for name in before if (one := getattr(fields, name)) != before[name]}
    raw = RawOptions(prompt=fields.prompt, **{name: one or None for name, one in typed.items()})
    names, sizes = flags.flag_words(services.texts), services.reader.size_words
    taken = flags.taken(raw, names, sizes, has_picture=True)
    found = {name: getattr(taken.raw, name) for name in flags.OPTIONS}
    asked = Asked(**found, unread=taken.unread)
    if request.canvas:
        asked = asked.without("size")
    given = {name: one for name in found if (one := getattr(asked, name)) is not None}
    return replace(fields, prompt=taken.raw.prompt, **given), asked.remarks


def _dressed(
    session: Session,
    services: Services,
    viewer: Viewer,
    parent: Generation,
    request: GenerationRequest,
    typed: str | None,
) -> Dressed:
    """Return the request with the form's LoRAs; left as they were filled in, with its own."""
    if typed is None or listed.read(typed) == listed.read(_loras(parent)):
        return Dressed(request, wearing.carried(parent))
    worn = wearing.found(session, viewer, listed.read(typed))
    return wearing.dressed(replace(request, loras=()), worn, services.catalog)


def _loras(parent: Generation) -> str:
    said: Mapping[str, Any] = parent.remarks or {}
    return str(said.get("loras", {}).get("named", ""))


def _fields(data: Mapping[str, Any]) -> RemixFields:
    values = slips.typed(data)
    return RemixFields(
        prompt=values.get("prompt", ""),
        negative=values.get("negative", ""),
        size=values.get("size", ""),
        seed=values.get("seed", ""),
        change=values.get("change", ""),
        lora=values.get("lora"),
    )


def _form(words: Words, custom_id: str, request: GenerationRequest, variant: Variant) -> ui.Modal:
    form = ui.Modal(title=words("remix.title"), custom_id=custom_id, timeout=OPEN_S)
    limit = min(variant.prompt_limit, TEXT_LIMIT)
    long = discord.TextStyle.paragraph
    form.add_item(_label(words, "prompt", request.prompt, limit, long, required=True))
    if variant.negative:
        form.add_item(_label(words, "negative", request.negative, limit, long))
    if not request.canvas:
        size = f"{request.width}x{request.height}"
        form.add_item(_label(words, "size", size, 50))
    elif not request.mask:
        form.add_item(_label(words, "change", f"{round(request.strength * 100)}", 4))
    if variant.seeds:
        form.add_item(_label(words, "seed", str(request.seeds[0]), 40))
    return form


def _label(
    words: Words,
    field: str,
    value: str,
    limit: int,
    style: discord.TextStyle = discord.TextStyle.short,
    *,
    required: bool = False,
) -> ui.Label[ui.Modal]:
    entry: ui.TextInput[ui.Modal] = ui.TextInput(
        custom_id=field, default=value[:limit], max_length=limit, style=style, required=required
    )
    return ui.Label(
        text=words(f"remix.{field}"), description=words(f"remix.{field}_hint"), component=entry
    )
