"""The label that people see: a few letters in the corner of a delivered copy.

Its letters are at least as high as the labelling measures ask, a twentieth of the shorter side.
"""

import math
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FONT = Path(__file__).parent / "fonts" / "label.ttf"
"""A dozen letters of Noto Sans SC under its open licence."""
SHARE = 1 / 20
TEXTS = {"zh": "AI生成", "en": "AI-generated"}
VEIL = (0, 0, 0, 120)
INK = (255, 255, 255, 235)


def text_for(locale: str) -> str:
    """Return the label in the language of a Discord locale."""
    return TEXTS["zh" if locale.startswith("zh") else "en"]


def drawn(picture: Image.Image, text: str) -> Image.Image:
    """Return a copy with the label in its lower right corner."""
    copy = picture.convert("RGB")
    least = math.ceil(min(copy.size) * SHARE)
    font = _font(_size(text, least))
    left, top, right, bottom = font.getbbox(text)
    margin = least / 3
    width, height = right - left + 2 * margin, bottom - top + 2 * margin
    x, y = copy.width - width - margin, copy.height - height - margin
    brush = ImageDraw.Draw(copy, "RGBA")
    brush.rounded_rectangle((x, y, x + width, y + height), radius=margin, fill=VEIL)
    brush.text((x + margin - left, y + margin - top), text, font=font, fill=INK)
    return copy


def letter_height(text: str, size: int) -> float:
    """Return how high the lowest of the text's letters without a descender stands."""
    return min(_height(letter, size) for letter in text if letter in "AI生成")


def _size(text: str, least: int) -> int:
    """Return the font's size in which every capital and character is `least` pixels high."""
    size = least
    while letter_height(text, size) < least:
        size += 1
    return size


def _height(letter: str, size: int) -> float:
    _, top, _, bottom = _font(size).getbbox(letter)
    return bottom - top


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONT, size)
