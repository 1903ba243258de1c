"""What a member typed, completed by what they have kept, and then by what the channel says."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from bot.answers import Press
from bot.cards.remarks import Remarks
from bot.servers import places
from bot.servers.standing import home
from bot.services import Services
from bot.wishes import filling
from bot.wishes.habits import READ_S
from bot.wishes.options import RawOptions
from store.choices import presets
from store.choices.channels import Manner
from store.errors import StoreUnavailable
from store.tables.servers import Preset


@dataclass(frozen=True, slots=True)
class Completed:
    """The options as they are to be drawn, and what the cards say of what was left out."""

    raw: RawOptions
    remarks: Remarks


async def completed(
    services: Services, interaction: Press, raw: RawOptions, here: Manner
) -> Completed:
    """Fill in the preset that was named, the member's defaults, and what the channel says.

    Raises PresetUnknown or StoreUnavailable.
    """
    kept = {**await services.habits.of(services.database, interaction.user.id)}
    if raw.preset:
        kept |= (await preset(services, interaction, raw.preset)).options
    raw = filling.with_variant(raw, kept, _usable(services, here))
    usual = places.filled(services, raw, here).variant
    variant = services.catalog[usual] if usual else services.catalog.default
    raw, missing = filling.with_rest(services.reader, raw, kept, variant)
    remarks: Remarks = {"left_out": {"options": ", ".join(missing)}} if missing else {}
    return Completed(places.filled(services, raw, here), remarks)


async def preset(services: Services, interaction: Press, typed: str) -> Preset:
    """Return the preset of that name. Raises PresetUnknown or StoreUnavailable."""
    try:
        async with asyncio.timeout(READ_S):
            return await services.database.read(
                presets.named, home(interaction), interaction.user.id, typed
            )
    except TimeoutError as error:
        raise StoreUnavailable from error


def _usable(services: Services, here: Manner) -> Callable[[str], bool]:
    catalog = services.catalog

    def may(name: str) -> bool:
        known = name in catalog.names and not catalog[name].accepts.needs_picture
        return known and here.allows(name)

    return may
