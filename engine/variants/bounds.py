"""What a variant allows: steps, guidance, sizes and pictures to start from; torch-free."""

from collections.abc import Mapping
from dataclasses import dataclass

UNGUIDED = 1.0
"""True CFG with this scale is the plain prediction: a negative prompt would change nothing."""
MOST_LORAS = 4
"""LoRAs in one picture: beyond these they mostly spoil each other."""
MOST_WEIGHT = 2.0
"""Of a LoRA, in both directions."""
TILED_PIXELS = 4_194_304
"""Four megapixels: what a canvas is painted over to, tile by tile, whatever a variant draws."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Denoising steps."""

    default: int
    least: int
    most: int

    @property
    def is_choice(self) -> bool:
        """Tell whether a member can choose."""
        return self.least < self.most


@dataclass(frozen=True, slots=True, kw_only=True)
class Guidance:
    """Guidance scale.

    `kind` is `true_cfg` (two forwards per step), `embedded` (an input of the model) or `none`.
    """

    kind: str
    default: float = 1.0
    least: float = 1.0
    most: float = 1.0

    @property
    def is_choice(self) -> bool:
        """Tell whether a member can choose."""
        return self.least < self.most


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Width and height in pixels: named presets, and the bounds of free ones, if there are any."""

    presets: Mapping[str, tuple[int, int]]
    multiple: int
    least_side: int
    most_side: int
    most_pixels: int
    presets_only: bool = False

    @property
    def default(self) -> tuple[int, int]:
        """Return the first preset: (width, height)."""
        return next(iter(self.presets.values()))

    def allows(self, width: int, height: int) -> bool:
        """Tell whether the variant draws exactly this size."""
        if self.presets_only:
            return (width, height) in self.presets.values()
        sides = (width, height)
        return (
            all(self.least_side <= side <= self.most_side for side in sides)
            and all(side % self.multiple == 0 for side in sides)
            and width * height <= self.most_pixels
        )

    def tile(self, width: int, height: int) -> tuple[int, int]:
        """Return the size of the tiles that a larger picture is drawn in: what is drawn best."""
        usual = self.default
        return min(width, usual[0]), min(height, usual[1])

    def allows_tiled(self, width: int, height: int) -> bool:
        """Tell whether the variant can draw this size tile by tile."""
        return (
            all(side % self.multiple == 0 for side in (width, height))
            and width * height <= TILED_PIXELS
            and self.allows(*self.tile(width, height))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepts:
    """Pictures that a variant can start from: see `engine.request.Drawn`.

    `control` names what is taken from the only reference before the model sees it: its edges
    (`canny`) or its depth (`depth`). `border` takes a canvas with a mask only where the mask is
    all that lies around a rectangle: it makes pictures larger and paints over nothing else.
    With a mask and no `canvas` a picture is painted over in part only. `upscale` is the strength
    that draws a canvas larger: small where the model takes each tile for a picture of its own.
    """

    least_references: int = 0
    most_references: int = 0
    canvas: bool = False
    mask: bool = False
    needs_mask: bool = False
    border: bool = False
    control: str = ""
    upscale: float = 0.25

    @property
    def needs_picture(self) -> bool:
        """Tell whether words alone are not enough."""
        return self.least_references > 0 or self.needs_mask


WORDS_ALONE = Accepts()
"""Of a variant that takes no pictures."""
