"""Sizes as members write them, made into what a variant draws; pure, and knows no Discord.

A size is a name in any of our languages, a ratio like 16:9, or pixels like 96x128. The rule for
pixels: each side goes to the nearest multiple that the variant draws, up where two are as near;
where that leaves the bounds, to the other one beside it, as keeps the shape best. So no side moves
by a whole multiple. A ratio gives the variant's own preset where there is one, else the size whose
pixels are closest to those of its default. What no rounding can meet is refused.
"""

import itertools
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.errors import ShapeUnreadable, SizeOutside, SizeUnoffered, SizeUnreadable
from bot.i18n import Texts
from engine.variants.bounds import Sizes
from engine.variants.catalog import Variant

PIXELS = re.compile(r"(\d{1,7})\s*(?:[x×✕✖*]|\s)\s*(\d{1,7})\s*(?:px|像素)?")
RATIO = re.compile(r"(\d{1,4}(?:\.\d{1,3})?)\s*[:/比]\s*(\d{1,4}(?:\.\d{1,3})?)")
PREFIX = "size_words."
RATIOS = {
    "square": 1 / 1,
    "portrait": 3 / 4,
    "landscape": 4 / 3,
    "tall": 9 / 16,
    "wide": 16 / 9,
    "poster": 2 / 3,
    "photo": 3 / 2,
    "cinema": 21 / 9,
}
"""What a name means to a variant that has no preset of it."""
FREE_PIXELS = 4_194_304
"""Four megapixels: nothing larger is drawn at a member's word, whatever the variant could do."""
ALIKE = 0.01
"""The presets of model makers miss their ratios by up to this: 928x1664 is Qwen-Image's 9:16."""
MOST_SKEW = 0.05
SHAPE_COUNTS = 4
"""How much more a wrong shape matters than a wrong number of pixels: it is what was asked for."""


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height as they are drawn; `typed` is what was asked for, where that differs."""

    width: int
    height: int
    typed: str = ""


def size_words(texts: Texts) -> Mapping[str, str]:
    """Return which preset each word of any language means."""
    return {
        _joined(_folded(word)): key.removeprefix(PREFIX)
        for words in texts.words.values()
        for key, line in words.texts.items()
        if key.startswith(PREFIX)
        for word in line.split()
    }


def parse(text: str, variant: Variant, words: Mapping[str, str]) -> Size:
    """Return the size that is drawn for `text`; one that the variant allows.

    Raises SizeUnreadable, SizeOutside or SizeUnoffered.
    """
    folded = _folded(text)
    name = words.get(_joined(folded), folded)
    if name in variant.sizes.presets:
        return Size(*variant.sizes.presets[name])
    if name in RATIOS:
        return _of_ratio(text.strip()[:50], RATIOS[name], variant.sizes)
    if match := PIXELS.fullmatch(folded):
        return _of_pixels(int(match[1]), int(match[2]), variant.sizes)
    if (match := RATIO.fullmatch(folded)) and float(match[1]) and float(match[2]):
        ratio = float(match[1]) / float(match[2])
        return _of_ratio(f"{match[1]}:{match[2]}", ratio, variant.sizes)
    raise SizeUnreadable(value=text[:50], choices=_choices(variant.sizes))


def ratio_of(text: str, words: Mapping[str, str]) -> float:
    """Return width over height of a shape: a name, a ratio or pixels. Raises ShapeUnreadable."""
    folded = _folded(text)
    name = words.get(_joined(folded), folded)
    if name in RATIOS:
        return RATIOS[name]
    match = RATIO.fullmatch(folded) or PIXELS.fullmatch(folded)
    if match and float(match[1]) and float(match[2]):
        return float(match[1]) / float(match[2])
    raise ShapeUnreadable(value=text[:50])


def skew(size: tuple[int, int], ratio: float) -> float:
    """Return how far a size is from a ratio: 0.1 is a tenth too wide or too high."""
    return math.expm1(abs(math.log(size[0] / size[1] / ratio)))


def _of_pixels(width: int, height: int, sizes: Sizes) -> Size:
    def missed(size: tuple[int, int]) -> tuple[float, int]:
        return skew(size, width / height), abs(size[0] - width) + abs(size[1] - height)

    asked, step = (width, height), sizes.multiple
    if asked in sizes.presets.values():
        return Size(*asked)
    nearest = (_nearest(width, step), _nearest(height, step))
    beside = itertools.product(_beside(width, step), _beside(height, step))
    allowed = [size for size in (nearest, *beside) if _is_free(size, sizes)]
    drawn = nearest if nearest in allowed else min(allowed, key=missed, default=None)
    if drawn is None:
        raise _refused(f"{width}×{height}", sizes)
    return Size(*drawn, typed="" if drawn == asked else f"{width}×{height}")


def _of_ratio(typed: str, ratio: float, sizes: Sizes) -> Size:
    def missed(size: tuple[int, int]) -> float:
        pixels = abs(math.log(math.prod(size) / math.prod(sizes.default)))
        return pixels + SHAPE_COUNTS * skew(size, ratio)

    presets = [size for size in sizes.presets.values() if skew(size, ratio) <= ALIKE]
    drawn = min(presets or _shaped(ratio, sizes), key=missed, default=None)
    if drawn is None:
        raise _refused(typed, sizes)
    return Size(*drawn, typed="" if skew(drawn, ratio) <= ALIKE else typed)


def _shaped(ratio: float, sizes: Sizes) -> Iterator[tuple[int, int]]:
    step = sizes.multiple
    for width in range(-(-sizes.least_side // step) * step, sizes.most_side + 1, step):
        for height in _beside(width / ratio, step):
            size = (width, height)
            if _is_free(size, sizes) and skew(size, ratio) <= MOST_SKEW:
                yield size


def _nearest(side: int, multiple: int) -> int:
    return math.floor(side / multiple + 0.5) * multiple


def _beside(side: float, multiple: int) -> tuple[int, int]:
    return math.floor(side / multiple) * multiple, math.ceil(side / multiple) * multiple


def _is_free(size: tuple[int, int], sizes: Sizes) -> bool:
    return sizes.allows(*size) and math.prod(size) <= FREE_PIXELS


def _refused(typed: str, sizes: Sizes) -> SizeOutside | SizeUnoffered:
    if sizes.presets_only:
        return SizeUnoffered(typed=typed, choices=_choices(sizes))
    return SizeOutside(
        typed=typed,
        least=sizes.least_side,
        most=sizes.most_side,
        multiple=sizes.multiple,
        pixels=min(sizes.most_pixels, FREE_PIXELS),
    )


def _choices(sizes: Sizes) -> str:
    return ", ".join(f"{width}x{height}" for width, height in sizes.presets.values())


def _folded(text: str) -> str:
    # NFKC turns full-width digits and letters, as Chinese keyboards type them, into ASCII.
    return unicodedata.normalize("NFKC", text).strip().casefold()


def _joined(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name)
