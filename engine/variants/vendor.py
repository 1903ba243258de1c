"""What a variant's file says of a model that a vendor hosts; knows no HTTP."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

CREDIT_USD = Decimal("0.01")
"""What a vendor's credit costs."""
MEGAPIXEL = 2**20
ALL_PIXELS = 9_000_000
"""Of the references and the drawn picture together, by the vendor's guide to FLUX.2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosted:
    """How a vendor's model is asked, and about what it costs.

    `takes` are the values of a request it is sent, `sent` what goes with every request, and
    `aspect_ratios` by preset where it takes no pixels. `pictures` is the form in which it takes
    those to start from: see `engine.vendor.body`. `first_megapixel` and `further_megapixel` are
    prices in the vendor's credits: an estimate, until the vendor says what it took.
    """

    takes: tuple[str, ...]
    pictures: str = ""
    sent: Mapping[str, Any] = field(default_factory=dict)
    aspect_ratios: Mapping[str, str] = field(default_factory=dict)
    first_megapixel: float
    further_megapixel: float = 0.0

    @classmethod
    def from_toml(cls, values: Mapping[str, Any]) -> "Hosted":
        """Build from a `[vendor]` table. Raises TypeError on unknown or missing names."""
        return cls(**{**values, "takes": tuple(values["takes"])})

    def estimate(self, width: int, height: int, references: int = 0) -> float:
        """Return about what one picture costs, in the vendor's credits; begun megapixels count.

        References count as large as they may be sent: how large they are is not known before.
        """
        megapixels = _megapixels(width * height)
        if references:
            megapixels += references * _megapixels(reference_pixels(width, height, references))
        return self.first_megapixel + self.further_megapixel * (megapixels - 1)

    def usd(self, width: int, height: int, references: int = 0) -> Decimal:
        """Return about what one picture costs, in US dollars."""
        return Decimal(str(self.estimate(width, height, references))) * CREDIT_USD

    @property
    def decides(self) -> list[Any]:
        """Return what decides pixels: everything but the prices, and what the endpoint implies."""
        return [self.takes, dict(self.sent), dict(self.aspect_ratios)]


def reference_pixels(width: int, height: int, count: int) -> int:
    """Return the most pixels that each of `count` references is sent with.

    One alone may be as large as the picture that is drawn of it, several a megapixel each; the
    vendor charges for them as for what it draws.
    """
    most = max(MEGAPIXEL, width * height) if count == 1 else MEGAPIXEL
    return min(most, (ALL_PIXELS - width * height) // count)


def _megapixels(pixels: int) -> int:
    return math.ceil(pixels / MEGAPIXEL)
