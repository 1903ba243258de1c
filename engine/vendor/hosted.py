"""What a variant's file says of a model that a vendor hosts; knows no HTTP."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MEGAPIXEL = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosted:
    """How a vendor's model is asked, and about what it costs.

    `takes` are the values of a request it is sent, `sent` what goes with every request, and
    `aspect_ratios` by preset where it takes no pixels. `first_megapixel` and `further_megapixel`
    are prices in the vendor's credits: an estimate, until the vendor says what it took.
    """

    takes: tuple[str, ...]
    sent: Mapping[str, Any] = field(default_factory=dict)
    aspect_ratios: Mapping[str, str] = field(default_factory=dict)
    first_megapixel: float
    further_megapixel: float = 0.0

    @classmethod
    def from_toml(cls, values: Mapping[str, Any]) -> "Hosted":
        """Build from a `[vendor]` table. Raises TypeError on unknown or missing names."""
        return cls(**{**values, "takes": tuple(values["takes"])})

    def estimate(self, width: int, height: int) -> float:
        """Return about what one picture costs, in the vendor's credits; begun megapixels count."""
        megapixels = math.ceil(width * height / MEGAPIXEL)
        return self.first_megapixel + self.further_megapixel * (megapixels - 1)

    @property
    def decides(self) -> list[Any]:
        """Return what decides pixels: everything but the prices."""
        return [self.takes, dict(self.sent), dict(self.aspect_ratios)]
