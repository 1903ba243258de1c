"""A canvas larger than a variant draws: painted over in tiles that overlap and run into each other.

Knows no architecture: each tile is a picture of its own to the family. What its noise is cannot be
handed to the stock pipelines without the canvas in it, so it is not cut out of one field: every
tile has a seed of its own, made of the request's and of where the tile lies.
"""

import hashlib
import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image

from engine.family import AfterStep, Family, Preview
from engine.pictures.inputs import Inputs
from engine.request import ImageRequest
from engine.variants.bounds import Sizes
from engine.vendor.charge import Charge

OVERLAP = 1 / 4
"""Of a tile's side: how much its neighbour shares with it at least."""
COARSE = 1.25
"""A tile may start from this much more noise than the strength says: pipelines round it up to whole
steps, which of four makes 0.1 a quarter, and a part of a picture becomes a picture of its own."""
PREVIEW_SIDE = 256
"""The longer side of a preview in pixels."""

Box = tuple[int, int, int, int]
Pixels = npt.NDArray[np.float32]


def boxes(size: tuple[int, int], tile: tuple[int, int], multiple: int) -> tuple[Box, ...]:
    """Return where the tiles of a picture lie, row by row, as (left, top, right, bottom)."""
    lefts, tops = (_starts(whole, part, multiple) for whole, part in zip(size, tile, strict=True))
    return tuple((left, top, left + tile[0], top + tile[1]) for top in tops for left in lefts)


def draw(
    family: Family, sizes: Sizes, request: ImageRequest, inputs: Inputs, after_step: AfterStep
) -> Image.Image:
    """Draw a picture whose canvas is larger than one forward's; each tile's steps are counted."""
    assert inputs.canvas is not None, "tiles are cut from a canvas"
    size = (request.width, request.height)
    where = boxes(size, sizes.tile(*size), sizes.multiple)
    sheet = _Sheet(inputs.canvas)
    for number, box in enumerate(where):
        part = replace(
            request,
            width=box[2] - box[0],
            height=box[3] - box[1],
            seed=_seed(request.seed, box),
            steps=_fine(request.steps, request.strength),
        )
        shown = replace(inputs, canvas=inputs.canvas.crop(box))
        steps = _Steps(after_step, sheet.small, part.steps, number, len(where))
        sheet.add(family.draw(part, shown, steps), box)
    return sheet.picture()


class _Sheet:
    """The whole picture while its tiles come in."""

    def __init__(self, canvas: Image.Image) -> None:
        self._canvas = canvas
        self._sum = np.zeros((canvas.height, canvas.width, 3), np.float32)
        self._weight = np.zeros((canvas.height, canvas.width, 1), np.float32)

    def add(self, tile: Image.Image, box: Box) -> None:
        """Lay a finished tile in."""
        left, top, right, bottom = box
        weight = np.outer(_ramp(tile.height), _ramp(tile.width))[..., None]
        self._sum[top:bottom, left:right] += np.asarray(tile, np.float32) * weight
        self._weight[top:bottom, left:right] += weight

    def picture(self) -> Image.Image:
        """Return what is drawn, and of the rest the canvas."""
        drawn = self._sum / np.maximum(self._weight, np.finfo(np.float32).tiny)
        pixels = np.where(self._weight > 0, np.rint(drawn), np.asarray(self._canvas))
        return Image.fromarray(pixels.astype(np.uint8))

    def small(self) -> Image.Image:
        """Return a small preview."""
        small = self.picture()
        small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
        return small


@dataclass(frozen=True, slots=True)
class _Steps:
    """Counts a tile's steps among those of all tiles; the preview is of the whole picture."""

    report: AfterStep
    shown: Preview
    usual: int
    number: int
    count: int

    def __call__(
        self,
        index: int,
        preview: Preview | None,
        /,
        *,
        total: int | None = None,
        charge: Charge | None = None,
    ) -> None:
        total = total or self.usual
        shown = self.shown if self.number else None
        self.report(self.number * total + index, shown, total=self.count * total, charge=charge)


def _starts(whole: int, part: int, multiple: int) -> tuple[int, ...]:
    # As few as overlap enough, at even distances.
    free, step = whole - part, part - int(part * OVERLAP)
    last = -(-free // step)
    starts = (free * number // last // multiple * multiple for number in range(last))
    return (*starts, free)


def _fine(steps: int, strength: float) -> int:
    """Return steps, so many times finer that the strength is nearly a whole number of them."""
    fine = steps
    while math.ceil(fine * strength) > fine * strength * COARSE:
        fine += steps
    return fine


def _seed(seed: int, box: Box) -> int:
    place = f"{seed} {box[0]} {box[1]}".encode()
    return int.from_bytes(hashlib.sha256(place).digest()[:4])


def _ramp(side: int) -> Pixels:
    """Return the weights along a tile's side: nothing at its ends, all of it in the middle."""
    place = np.arange(side, dtype=np.float32) + 0.5
    inside: Pixels = np.minimum(place, side - place) / int(side * OVERLAP)
    share = np.minimum(inside, 1)
    weights: Pixels = share * share * (3 - 2 * share)
    return weights
