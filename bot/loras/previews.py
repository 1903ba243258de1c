"""The picture that a LoRA is shown by: an order of its owner's, always from the same seed."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from bot.answers import Press
from bot.errors import LoraNotReady
from bot.loras import wearing
from bot.loras.wearing import Worn
from bot.orders import placing
from bot.orders.placing import Wish
from bot.services import Services
from bot.wishes.options import RawOptions
from engine.loras.errors import LoraBaseUnserved
from engine.variants.catalog import Catalog
from store.errors import FilesUnavailable, StoreUnavailable
from store.loras import library
from store.loras.errors import LoraUnknown
from store.tables.loras import Lora
from store.tables.orders import Generation, Review

SEED = "1"
PROMPT = "a cat"
"""Every variant reads English, and the smallest knows cats."""


async def order(services: Services, interaction: Press, lora: Lora, prompt: str | None) -> None:
    """Order the picture. Raises LoraNotReady, LoraBaseUnserved or RequestRefused."""
    if lora.sha256 is None or lora.base is None:
        raise LoraNotReady(value=lora.name)
    raw = RawOptions(prompt=prompt or PROMPT, variant=_variant(services.catalog, lora.base))
    draft = services.reader.draft(replace(raw, seed=SEED if _seeds(services, raw) else None))
    worn = Worn(lora.name, lora.sha256, lora.base, lora.weight, lora.triggers)
    dressed = wearing.dressed(draft.request, [worn], services.catalog)
    said = {**dressed.remarks, "lora_preview": {"id": lora.id, "value": lora.name}}

    async def wish() -> Wish:
        return Wish(request=dressed.request, remarks=said)

    await placing.submit(services, interaction, wish)


async def keep(services: Services, generation: Generation) -> None:
    """Make an order's picture the preview that it was ordered as; nothing for any other order.

    What is behind a spoiler shows no LoRA.
    """
    lora_id, sha256 = shows(generation)
    spoilt = generation.spoiler or any(one.review == Review.SPOILER for one in generation.images)
    if not lora_id or not sha256 or spoilt:
        return
    with suppress(LoraUnknown, FilesUnavailable, StoreUnavailable):
        lora = await services.database.read(library.by_id, lora_id)
        if lora.owner_id != generation.user_id or lora.preview == sha256:
            return
        await services.files.acopy(library.folder(lora_id), sha256, source=generation.id)
        await services.database.run(library.preview, lora_id, sha256)
        if lora.preview:
            await asyncio.to_thread(services.files.remove, library.folder(lora_id), lora.preview)


async def withdraw(services: Services, lora_id: str, sha256: str | None) -> None:
    """Take what `shows` found, which moderators hid or deleted, from its LoRA."""
    if not lora_id or not sha256:
        return
    with suppress(FilesUnavailable, StoreUnavailable):
        if await services.database.run(library.unpreview, lora_id, sha256):
            await asyncio.to_thread(services.files.remove, library.folder(lora_id), sha256)


def shows(generation: Generation) -> tuple[str, str | None]:
    """Return the LoRA that an order was drawn to show, and its picture."""
    remarks: Mapping[str, Any] = generation.remarks or {}
    drawn = (one.file_sha256 for one in generation.images if one.file_sha256)
    return str(remarks.get("lora_preview", {}).get("id", "")), next(drawn, None)


def _variant(catalog: Catalog, base: str) -> str:
    variants = (catalog[name] for name in catalog.names)
    fitting = (one for one in variants if one.loras == base and not one.accepts.needs_picture)
    found = next(fitting, None)
    if found is None:
        raise LoraBaseUnserved(base=base)
    return found.name


def _seeds(services: Services, raw: RawOptions) -> bool:
    return services.catalog[raw.variant or ""].seeds
