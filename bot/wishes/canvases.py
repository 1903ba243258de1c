"""Canvases made of a member's picture: cut to a shape, widened, or to be drawn larger. Pure.

It knows pictures and the sizes that a variant draws, no order and no Discord.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFilter

from bot.wishes.sizes import ALIKE, FREE_PIXELS, SHAPE_COUNTS, skew
from engine.variants.bounds import Sizes

Size = tuple[int, int]

OVERLAP = 1 / 32
"""Of the shorter side: how far into the picture its edge is drawn anew, to meet the rest."""
BAND = 1 / 32
"""Of a side: how much of the picture's edge gives its colours to what lies beyond."""
SOFT = 1 / 32
"""Of the longer side: how much those colours run into each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """What is added at each side, as shares of the picture's own width and height."""

    left: float = 0.0
    top: float = 0.0
    right: float = 0.0
    bottom: float = 0.0

    @property
    def width(self) -> float:
        """Return the new width over the old one."""
        return 1 + self.left + self.right

    @property
    def height(self) -> float:
        """Return the new height over the old one."""
        return 1 + self.top + self.bottom


def nearest(ratio: float, sizes: Sizes) -> Size:
    """Return a size of about the usual number of pixels, no further off a ratio than a preset."""

    def missed(size: Size) -> float:
        pixels = abs(math.log(math.prod(size) / math.prod(sizes.default)))
        return pixels + SHAPE_COUNTS * skew(size, ratio)

    presets = list(sizes.presets.values())
    alike = [size for size in presets if skew(size, ratio) <= ALIKE]
    furthest = min(skew(size, ratio) for size in presets)
    close = [size for size in (*presets, *_free(ratio, sizes)) if skew(size, ratio) <= furthest]
    return min(alike or close, key=missed)


def cut(picture: Image.Image, size: Size) -> Image.Image:
    """Return the middle of a picture in the shape of `size`, shrunk to it where it is larger."""
    width, height = picture.size
    share = min(width / size[0], height / size[1])
    wide, high = min(width, round(size[0] * share)), min(height, round(size[1] * share))
    left, top = (width - wide) // 2, (height - high) // 2
    kept = picture.crop((left, top, left + wide, top + high))
    return kept.resize(size, Image.Resampling.LANCZOS) if share > 1 else kept


def is_cut(picture: Size, size: Size) -> bool:
    """Tell whether a member would miss something of a picture that is cut to `size`."""
    return skew(picture, size[0] / size[1]) > ALIKE


def enlarged(picture: Size, times: float, sizes: Sizes) -> Size:
    """Return the size of a picture drawn `times` larger, within four megapixels.

    Each side is the multiple nearest to it; where that is less than the variant draws, its own
    size of the same shape.
    """
    times = min(times, math.sqrt(FREE_PIXELS / math.prod(picture)))
    step = sizes.multiple
    width, height = (max(step, round(side * times / step) * step) for side in picture)
    if width * height > FREE_PIXELS:
        width, height = (max(step, int(side * times) // step * step) for side in picture)
    if min(width, height) < sizes.least_side:
        return nearest(picture[0] / picture[1], sizes)
    return width, height


def filled_up(picture: Size, margins: Margins, shape: float) -> Margins:
    """Return margins that bring a picture to a shape: those asked for, and what it takes besides.

    `shape` is width over height. What it takes is added where something was asked for
    along that side, else at both ends.
    """
    width, height = picture[0] * margins.width, picture[1] * margins.height
    wider = max(0.0, height * shape - width) / picture[0]
    higher = max(0.0, width / shape - height) / picture[1]
    left, right = _shared(margins.left, margins.right, wider)
    top, bottom = _shared(margins.top, margins.bottom, higher)
    return Margins(left=left, top=top, right=right, bottom=bottom)


def expanded(picture: Image.Image, margins: Margins, size: Size) -> tuple[Image.Image, Image.Image]:
    """Return a canvas of `size` with the picture in it, and the mask of what lies beyond.

    What lies beyond starts in the colours of the picture's edge. The margins bring the picture to
    the shape of `size` (see `filled_up`).
    """
    scale = size[0] / (picture.width * margins.width)
    left, top = (
        round(margins.left * picture.width * scale),
        round(margins.top * picture.height * scale),
    )
    right = size[0] - round(margins.right * picture.width * scale)
    bottom = size[1] - round(margins.bottom * picture.height * scale)
    box = (left, top, max(right, left + 1), max(bottom, top + 1))
    inner = picture.resize((box[2] - box[0], box[3] - box[1]), Image.Resampling.LANCZOS)
    canvas = _stretched(inner, box, size).filter(ImageFilter.GaussianBlur(max(size) * SOFT))
    canvas.paste(inner, box[:2])
    return canvas, _beyond(box, size)


def _free(ratio: float, sizes: Sizes) -> Iterator[Size]:
    if sizes.presets_only:
        return
    step = sizes.multiple
    least = -(-sizes.least_side // step) * step
    most = sizes.most_side // step * step
    for width in range(least, most + 1, step):
        for beside in (math.floor(width / ratio / step), math.ceil(width / ratio / step)):
            size = (width, min(most, max(least, beside * step)))
            if sizes.allows(*size) and math.prod(size) <= FREE_PIXELS:
                yield size


def _shared(before: float, after: float, more: float) -> tuple[float, float]:
    asked = before + after
    share = before / asked if asked else 0.5
    return before + more * share, after + more * (1 - share)


def _stretched(inner: Image.Image, box: tuple[int, int, int, int], size: Size) -> Image.Image:
    rows = Image.new("RGB", (size[0], inner.height))
    rows.paste(inner, (box[0], 0))
    band = max(1, round(inner.width * BAND))
    for edge, at, width in (
        ((0, 0, band, inner.height), 0, box[0]),
        ((inner.width - band, 0, inner.width, inner.height), box[2], size[0] - box[2]),
    ):
        if width:
            colours = inner.crop(edge).resize((1, inner.height), Image.Resampling.BOX)
            rows.paste(colours.resize((width, inner.height)), (at, 0))
    whole = Image.new("RGB", size)
    whole.paste(rows, (0, box[1]))
    band = max(1, round(inner.height * BAND))
    for edge, at, height in (
        ((0, 0, size[0], band), 0, box[1]),
        ((0, inner.height - band, size[0], inner.height), box[3], size[1] - box[3]),
    ):
        if height:
            colours = rows.crop(edge).resize((size[0], 1), Image.Resampling.BOX)
            whole.paste(colours.resize((size[0], height)), (0, at))
    return whole


def _beyond(box: tuple[int, int, int, int], size: Size) -> Image.Image:
    overlap = max(1, round(min(size) * OVERLAP))
    ends = (0, 0, *size)
    # A side that nothing is added to is kept to its last row.
    kept = [
        side if side == end else side + (overlap if index < 2 else -overlap)
        for index, (side, end) in enumerate(zip(box, ends, strict=True))
    ]
    mask = Image.new("L", size, 255)
    if kept[0] < kept[2] and kept[1] < kept[3]:
        ImageDraw.Draw(mask).rectangle((kept[0], kept[1], kept[2] - 1, kept[3] - 1), fill=0)
    return mask
