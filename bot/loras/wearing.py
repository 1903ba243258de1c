"""LoRAs put onto a request: found by name, held against its variant, their triggers added.

What a member may use is asked again in the transaction that places the order.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from bot.answers import Press
from bot.cards.remarks import Remarks
from bot.errors import LoraForOtherVariant, LoraNotReady
from bot.loras import listed
from bot.loras.listed import Asked
from bot.servers.standing import home, rank, ward
from bot.services import Services
from bot.wishes import routing
from bot.wishes.options import RawOptions
from engine.errors import RequestRefused
from engine.request import GenerationRequest, LoraUse
from engine.variants.catalog import Catalog, Variant
from store.errors import StoreRefused, StoreUnavailable
from store.loras import shares
from store.loras.shares import Viewer
from store.tables.loras import Lora
from store.tables.orders import Generation

READ_S = 2.0
"""They must be known before the first answer, within Discord's three seconds."""
REMARKS = ("loras", "triggers")


@dataclass(frozen=True, slots=True)
class Worn:
    """A LoRA of the library as an order asks for it."""

    name: str
    sha256: str
    base: str
    weight: float
    triggers: str


@dataclass(frozen=True, slots=True)
class Dressed:
    """A request with its LoRAs, and what its cards say of them."""

    request: GenerationRequest
    remarks: Remarks


def viewer(interaction: Press) -> Viewer:
    """Return the member as the library knows them."""
    roles = rank(interaction).roles
    return Viewer(interaction.user.id, home(interaction), roles)


def keeper(interaction: Press) -> Viewer:
    """Return the member, who as a moderator sees all that is shared in the server."""
    here = ward(interaction)
    return replace(viewer(interaction), is_moderator=here is not None and here.channel_id is None)


async def named(services: Services, interaction: Press, typed: str | None) -> tuple[Worn, ...]:
    """Return the LoRAs that were typed.

    Raises LoraUnknown, LoraNotReady, LoraWeightInvalid or StoreUnavailable.
    """
    asked = listed.read(typed or "")
    if not asked:
        return ()
    try:
        async with asyncio.timeout(READ_S):
            return await services.database.read(found, viewer(interaction), asked)
    except TimeoutError as error:
        raise StoreUnavailable from error


async def chosen(
    services: Services, interaction: Press, typed: str | None, raw: RawOptions
) -> tuple[tuple[Worn, ...], Remarks]:
    """Return the LoRAs that `raw` asks for; those that were not `typed` only where they fit.

    Raises as `named` does where they were.
    """
    if (typed or "").strip():
        return await named(services, interaction, typed), {}
    if not raw.lora:
        return (), {}
    variant = services.catalog[raw.variant] if raw.variant else services.catalog.default
    with suppress(RequestRefused, StoreRefused):
        worn = await named(services, interaction, raw.lora)
        if all(one.base == variant.loras for one in worn):
            return worn, {}
    return (), {"lora_left_out": {"value": raw.lora}}


def found(session: Session, member: Viewer, asked: Sequence[Asked]) -> tuple[Worn, ...]:
    """Return the LoRAs that are asked for. Raises LoraUnknown or LoraNotReady."""
    return tuple(_worn(shares.named(session, member, one.name), one.weight) for one in asked)


def dressed(request: GenerationRequest, worn: Sequence[Worn], catalog: Catalog) -> Dressed:
    """Return the request with these LoRAs, and their triggers behind its words.

    Raises LoraForOtherVariant, or the RequestRefused that says what is too much.
    """
    if not worn:
        return Dressed(request, {})
    variant = catalog[request.variant]
    for one in worn:
        if one.base != variant.loras:
            raise _misfit(one, variant, catalog)
    missing = [*_missing(request.prompt, worn)]
    comma = "，" if routing.SIGN.search(request.prompt) else ", "
    made = replace(
        request,
        prompt=comma.join([request.prompt, *missing]),
        loras=tuple(LoraUse(one.sha256, one.weight) for one in worn),
    )
    variant.check(made)
    said: dict[str, Mapping[str, str | int]] = {
        "loras": {"named": listed.written((one.name, one.weight) for one in worn)}
    }
    if missing:
        said["triggers"] = {"triggers": ", ".join(missing)}
    return Dressed(made, said)


def carried(parent: Generation) -> Remarks:
    """Return what the cards of an order say of LoRAs that one drawn after it keeps."""
    kept: Mapping[str, Any] = parent.remarks or {}
    return {code: kept[code] for code in REMARKS if code in kept}


def names(remarks: Remarks) -> list[str]:
    """Return the names of an order's LoRAs, in the order of its request."""
    said = str(remarks.get("loras", {}).get("named", ""))
    return [one.rpartition(":")[0] for one in said.split(", ")] if said else []


def _worn(lora: Lora, weight: float | None) -> Worn:
    if lora.status != "ready" or lora.sha256 is None or lora.base is None:
        raise LoraNotReady(value=lora.name)
    used = lora.weight if weight is None else weight
    return Worn(lora.name, lora.sha256, lora.base, used, lora.triggers)


def _misfit(one: Worn, variant: Variant, catalog: Catalog) -> LoraForOtherVariant:
    fitting = [name for name in catalog.names if catalog[name].loras == one.base]
    return LoraForOtherVariant(
        value=one.name, base=one.base, variant=variant.name, known=", ".join(fitting)
    )


def _missing(prompt: str, worn: Sequence[Worn]) -> Iterator[str]:
    said = prompt.casefold()
    for one in worn:
        if one.triggers and one.weight > 0 and one.triggers.casefold() not in said:
            said += one.triggers.casefold()
            yield one.triggers
