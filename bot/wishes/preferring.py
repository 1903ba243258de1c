"""A preset laid under an order that starts from a picture, whose shape stays the picture's own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.answers import Press
from bot.cards.remarks import Remarks
from bot.services import Services
from bot.wishes import completing, filling
from bot.wishes.options import RawOptions
from engine.variants.bounds import Accepts
from engine.variants.catalog import Variant


@dataclass(frozen=True, slots=True)
class Preferred:
    """What a preset says of such an order."""

    kept: Mapping[str, Any] = field(default_factory=dict)

    def variant(self, services: Services, able: Callable[[Accepts], bool]) -> str | None:
        """Return its variant, where that is here and able."""
        name = self.kept.get("variant")
        known = isinstance(name, str) and name in services.catalog.names
        return name if known and able(services.catalog[str(name)].accepts) else None

    def under(
        self, services: Services, raw: RawOptions, variant: Variant
    ) -> tuple[RawOptions, Remarks]:
        """Return the options with what the preset adds, and what is said of the rest of it."""
        filled, missing = filling.with_rest(services.reader, raw, self.kept, variant)
        return filled, {"left_out": {"options": ", ".join(missing)}} if missing else {}


async def read(services: Services, interaction: Press, name: str | None) -> Preferred:
    """Return the preset of that name. Raises PresetUnknown or StoreUnavailable."""
    if not name:
        return Preferred()
    options = (await completing.preset(services, interaction, name)).options
    return Preferred({key: one for key, one in options.items() if key not in ("size", "polish")})
