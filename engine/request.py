"""What is to be drawn, complete and frozen; knows no default, no member and no machine."""

from dataclasses import asdict, dataclass
from typing import Any, Self

SEED_LIMIT = 2**32
"""Seeds are 0 <= seed < SEED_LIMIT: they fit every family's generator and Discord's integers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRequest:
    """One picture: `width` and `height` in pixels, `guidance` as the variant's family means it."""

    variant: str
    prompt: str
    negative: str
    width: int
    height: int
    steps: int
    guidance: float
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """One order of `count` pictures that differ in their seeds only."""

    variant: str
    prompt: str
    negative: str
    width: int
    height: int
    steps: int
    guidance: float
    seeds: tuple[int, ...]

    @property
    def count(self) -> int:
        """Return the number of pictures."""
        return len(self.seeds)

    def image(self, index: int) -> ImageRequest:
        """Return the request for picture `index` (0-based). Raises IndexError."""
        shared = asdict(self)
        del shared["seeds"]
        return ImageRequest(**shared, seed=self.seeds[index])

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, as kept in SQL."""
        return {**asdict(self), "seeds": list(self.seeds)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Build from `to_json` values. Raises TypeError on unknown or missing names."""
        return cls(**{**values, "seeds": tuple(values["seeds"])})
