"""What is to be drawn, complete and frozen; knows no default, no member and no machine."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

SEED_LIMIT = 2**32
"""Seeds are 0 <= seed < SEED_LIMIT: they fit every family's generator and Discord's integers."""
WHOLE = 1.0
"""The strength that leaves nothing of a canvas but its place."""


@dataclass(frozen=True, slots=True)
class LoraUse:
    """A LoRA asked for: the sha256 of its canonical file, and how much of it is added."""

    sha256: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What pictures of one order share.

    `width` and `height` are in pixels, `guidance` is meant as the variant's family means it.
    Pictures to start from are named by the sha256 of their files: `references` are looked at,
    the `canvas` is painted over, where the `mask` is white or all over without one. `strength`
    is how much of the canvas may change, above 0 and up to 1. The order of `loras` counts: sums
    of other order have other last bits.
    """

    variant: str
    prompt: str
    negative: str
    width: int
    height: int
    steps: int
    guidance: float
    references: tuple[str, ...] = ()
    canvas: str = ""
    mask: str = ""
    strength: float = WHOLE
    loras: tuple[LoraUse, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """Return the sha256 of every file that it starts from, each once."""
        named = (*self.references, self.canvas, self.mask)
        return tuple(dict.fromkeys(name for name in named if name))

    @property
    def lora_files(self) -> tuple[str, ...]:
        """Return the sha256 of every LoRA whose file it needs: one of weight 0 changes nothing."""
        return tuple(use.sha256 for use in self.loras if use.weight)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, as kept in SQL and in files."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Build from `to_json` values, of older versions too. Raises TypeError on other names."""
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
        if "loras" in given:
            given["loras"] = tuple(LoraUse(**use) for use in given["loras"])
        return cls(**given)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRequest(Drawn):
    """One picture."""

    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest(Drawn):
    """One order of `count` pictures that differ in their seeds only."""

    seeds: tuple[int, ...]

    @property
    def count(self) -> int:
        """Return the number of pictures."""
        return len(self.seeds)

    def image(self, index: int) -> ImageRequest:
        """Return the request for picture `index` (0-based). Raises IndexError."""
        shared = {field.name: getattr(self, field.name) for field in fields(Drawn)}
        return ImageRequest(**shared, seed=self.seeds[index])
