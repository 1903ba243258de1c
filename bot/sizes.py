"""Sizes as members write them: preset names in any of our languages, 96x128, or a ratio."""

import re
import unicodedata
from collections.abc import Iterable, Mapping

from bot.errors import SizeUnreadable
from bot.i18n import Texts
from engine.catalog import Variant

PIXELS = re.compile(r"(\d{1,5})\s*(?:[x×✕✖*]|\s)\s*(\d{1,5})")
RATIO = re.compile(r"(\d{1,2})\s*[:/]\s*(\d{1,2})")
PREFIX = "size_words."


def size_words(texts: Texts) -> Mapping[str, str]:
    """Return which preset each word of any language means."""
    return {
        _folded(word): key.removeprefix(PREFIX)
        for words in texts.words.values()
        for key, line in words.texts.items()
        if key.startswith(PREFIX)
        for word in line.split()
    }


def parse(text: str, variant: Variant, words: Mapping[str, str]) -> tuple[int, int]:
    """Return width and height. Raises SizeUnreadable; whether the variant allows it is its own."""
    folded = _folded(text)
    presets = variant.sizes.presets
    name = words.get(folded, folded)
    if name in presets:
        return presets[name]
    if match := PIXELS.fullmatch(folded):
        return int(match[1]), int(match[2])
    if (match := RATIO.fullmatch(folded)) and (size := _of_ratio(match, presets.values())):
        return size
    choices = ", ".join(f"{width}x{height}" for width, height in presets.values())
    raise SizeUnreadable(value=text[:50], choices=choices)


def _of_ratio(match: re.Match[str], sizes: Iterable[tuple[int, int]]) -> tuple[int, int] | None:
    width, height = int(match[1]), int(match[2])
    return next((size for size in sizes if size[0] * height == size[1] * width), None)


def _folded(text: str) -> str:
    # NFKC turns full-width digits and letters, as Chinese keyboards type them, into ASCII.
    return unicodedata.normalize("NFKC", text).strip().casefold()
