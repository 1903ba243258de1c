"""What members ask of pictures, made into wishes: fetched, fitted to a variant, and requested.

A variant that is not named is the one that drew the picture, if it is able; else the first able.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import discord

from bot.answers import Press
from bot.cards.remarks import ENLARGED, Remarks
from bot.errors import PictureNotGiven
from bot.i18n import DEFAULT
from bot.loras import wearing
from bot.loras.wearing import Dressed, Worn
from bot.orders.placing import Wish
from bot.servers import places
from bot.services import Services
from bot.wishes import flags, preferring, routing, sources, starts
from bot.wishes.canvases import Margins
from bot.wishes.options import RawOptions
from bot.wishes.sources import Source
from bot.wishes.starts import Given, Start
from engine.request import GenerationRequest
from engine.variants.bounds import Accepts
from engine.variants.catalog import Variant
from store.loras import shares
from store.loras.errors import LoraNotShared
from store.tables.orders import Generation

VARIATIONS = 4
LEFT_OUT: Remarks = {"loras_left_out": {}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a command or form says; None is what was left out.

    `source` is the number of a picture of ours, or several with commas; they stand before the
    `images`. `unread` was typed behind the prompt as an option and is none; of `unheld` ones there
    is no choice.
    """

    prompt: str | None = None
    images: tuple[discord.Attachment, ...] = ()
    source: str | None = None
    mask: discord.Attachment | None = None
    variant: str | None = None
    size: str | None = None
    count: int | None = None
    seed: str | None = None
    strength: float | None = None
    lora: str | None = None
    preset: str | None = None
    negative: str | None = None
    steps: int | None = None
    guidance: float | None = None
    unread: str = ""
    unheld: tuple[str, ...] = ()

    @property
    def remarks(self) -> Remarks:
        """Return what is said of options behind the prompt that count for nothing here."""
        said: dict[str, Mapping[str, str | int]] = {}
        if self.unread:
            said["unread"] = {"flags": self.unread}
        if self.unheld:
            said["unheld"] = {"options": ", ".join(self.unheld)}
        return said

    def without(self, *names: str) -> "Asked":
        """Return it without options that have no place in an order, which is said."""
        given = tuple(name for name in names if getattr(self, name) is not None)
        gone: dict[str, Any] = dict.fromkeys(given)
        return replace(self, unheld=given, **gone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What stands beside options and start: a size as it was typed, LoRAs, or those kept.

    `remarks` are on what a preset could not add.
    """

    size: str = ""
    worn: tuple[Worn, ...] = ()
    kept: Dressed | None = None
    remarks: Remarks = field(default_factory=dict)


def flagged(services: Services, asked: Asked) -> Asked:
    """Return it with the options behind its prompt; what nobody understands is never drawn."""
    raw = RawOptions(prompt=asked.prompt or "", size=asked.size, count=asked.count, seed=asked.seed)
    names, sizes = flags.flag_words(services.texts), services.reader.size_words
    taken = flags.taken(raw, names, sizes, has_picture=True)
    return replace(
        asked,
        prompt=taken.raw.prompt or None,
        unread=taken.unread,
        **{name: getattr(taken.raw, name) for name in flags.OPTIONS},
    )


async def edit(services: Services, interaction: Press, asked: Asked) -> Wish:
    """Return the wish for an edit. Raises RequestRefused or StoreUnavailable."""
    found = await _found(services, interaction, asked)
    first = found[0].upload.picture
    mask = await services.fetching.mask(asked.mask, first.size) if asked.mask else None
    given = Given(pictures=tuple(one.upload for one in found), mask=mask, strength=asked.strength)
    preferred = await preferring.read(services, interaction, asked.preset)

    def can(accepts: Accepts) -> bool:
        return starts.way(accepts, given) is not None

    here = await places.manner(services, places.place(interaction))
    named = asked.variant or preferred.variant(services, can)
    variant = starts.editor(services.catalog, named, given, here.allows)
    typed = (asked.size or "").strip()
    size = services.reader.size(typed, variant) if typed else None
    start = await asyncio.to_thread(
        starts.edit, variant, given, (size.width, size.height) if size else None
    )
    raw = _raw(asked, variant, asked.prompt or "")
    raw, said = preferred.under(services, raw, variant)
    worn, gone = await wearing.chosen(services, interaction, asked.lora, raw)
    wanted = Wanted(size=typed, worn=worn, remarks={**asked.remarks, **said, **gone})
    return _wish(services, raw, start, found[0], wanted)


async def vary(services: Services, interaction: Press, asked: Asked) -> Wish:
    """Return the wish for pictures near one. Raises RequestRefused or StoreUnavailable."""

    def start(variant: Variant, source: Source) -> Start:
        strength = asked.strength or starts.NEARNESS["subtle"]
        size, before = None, source.request
        if before and before.variant == variant.name:
            own = (before.width, before.height)
            size = own if variant.sizes.allows(*own) else None
        if asked.size:
            typed = services.reader.size(asked.size, variant)
            size = (typed.width, typed.height)
        return starts.vary(variant, source.upload, strength, size)

    return await _reworked(services, interaction, asked, starts.varies, start)


async def expand(
    services: Services, interaction: Press, asked: Asked, margins: Margins, aspect: str | None
) -> Wish:
    """Return the wish for a picture drawn on beyond its sides, or to a shape.

    Raises RequestRefused or StoreUnavailable.
    """
    ratio = services.reader.ratio(aspect) if aspect else None

    def start(variant: Variant, source: Source) -> Start:
        return starts.expand(variant, source.upload, margins, ratio)

    return await _reworked(services, interaction, asked, starts.fills, start)


async def upscale(services: Services, interaction: Press, asked: Asked, times: float) -> Wish:
    """Return the wish for a larger picture. Raises RequestRefused or StoreUnavailable."""

    def start(variant: Variant, source: Source) -> Start:
        return starts.upscale(variant, source.upload, times)

    wish = await _reworked(services, interaction, asked, starts.paints, start)
    return replace(wish, remarks={**wish.remarks, **ENLARGED})


async def _found(services: Services, interaction: Press, asked: Asked) -> list[Source]:
    found = []
    for number in (asked.source or "").split(",") if asked.source else ():
        found.append(await sources.named(services, interaction, number))
    for image in asked.images:
        found.append(Source(await services.fetching.picture(image)))
    if not found:
        raise PictureNotGiven
    return found


async def _reworked(
    services: Services,
    interaction: Press,
    asked: Asked,
    able: Callable[[Accepts], bool],
    start: Callable[[Variant, Source], Start],
) -> Wish:
    source, *_ = await _found(services, interaction, asked)
    before = source.request
    preferred = await preferring.read(services, interaction, asked.preset)
    name = asked.variant or preferred.variant(services, able)
    here = await places.manner(services, places.place(interaction))
    if name is None and before and before.variant in services.catalog.names:
        fits = able(services.catalog[before.variant].accepts) and here.allows(before.variant)
        name = before.variant if fits else None
    variant = starts.chosen(services.catalog, name, able, here.allows)
    started = await asyncio.to_thread(start, variant, source)
    raw = _raw(asked, variant, asked.prompt or _prompt(services, interaction, variant, before))
    raw, missing = preferred.under(services, raw, variant)
    said = {**asked.remarks, **missing}
    if before and before.variant == variant.name:
        raw = _as_before(raw, before)
    if raw.lora:
        worn, gone = await wearing.chosen(services, interaction, asked.lora, raw)
        wanted = Wanted(size=asked.size or "", worn=worn, remarks={**said, **gone})
        return _wish(services, raw, started, source, wanted)
    kept = await _kept(services, interaction, variant, source.generation)
    wanted = Wanted(size=asked.size or "", kept=kept, remarks=said)
    return _wish(services, raw, started, source, wanted)


def _raw(asked: Asked, variant: Variant, prompt: str) -> RawOptions:
    return RawOptions(
        prompt=prompt,
        variant=variant.name,
        count=asked.count,
        seed=asked.seed,
        lora=asked.lora,
        negative=asked.negative,
        steps=asked.steps,
        guidance=asked.guidance,
    )


def _as_before(raw: RawOptions, before: GenerationRequest) -> RawOptions:
    """Return the options with what the picture was drawn with, where a preset says nothing."""
    return replace(
        raw,
        negative=before.negative if raw.negative is None else raw.negative,
        steps=before.steps if raw.steps is None else raw.steps,
        guidance=before.guidance if raw.guidance is None else raw.guidance,
    )


async def _kept(
    services: Services, interaction: Press, variant: Variant, parent: Generation | None
) -> Dressed | None:
    """Return the LoRAs of the picture that is gone on from, if they fit and may be used."""
    before = GenerationRequest.from_json(parent.request) if parent else None
    if parent is None or before is None or not before.loras:
        return None
    known = before.variant in services.catalog.names
    if not known or services.catalog[before.variant].loras != variant.loras:
        return Dressed(replace(before, loras=()), LEFT_OUT)
    sha256s = [use.sha256 for use in before.loras]
    try:
        await services.database.read(shares.check, wearing.viewer(interaction), sha256s, ())
    except LoraNotShared:
        return Dressed(replace(before, loras=()), LEFT_OUT)
    return Dressed(before, wearing.carried(parent))


def _prompt(
    services: Services, interaction: Press, variant: Variant, before: GenerationRequest | None
) -> str:
    """Return the words of a picture that came without any: its own, or some that say little."""
    if before:
        return before.prompt
    words = services.words(interaction.locale)
    if words.language not in variant.languages:
        words = services.words(DEFAULT)
    return words("start.prompt")


def _wish(
    services: Services, raw: RawOptions, start: Start, source: Source, wanted: Wanted
) -> Wish:
    request = services.reader.started(raw, start)
    dressed = wearing.dressed(request, wanted.worn, services.catalog)
    request = dressed.request
    if wanted.kept is not None:
        request = replace(request, loras=wanted.kept.request.loras)
        dressed = Dressed(request, wanted.kept.remarks)
    variant = services.catalog[request.variant]
    remarks: Remarks = {
        **services.reader.size_remark(wanted.size, request),
        **routing.remarks(request.prompt, variant),
        **dressed.remarks,
        **wanted.remarks,
    }
    if start.is_cut:
        told = {"width": request.width, "height": request.height}
        remarks = {**remarks, "cut": told}
    return Wish(
        request=request,
        parent=source.generation,
        remarks=remarks,
        uploads=start.files,
        spoiler=bool(raw.spoiler),
    )
