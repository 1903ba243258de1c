"""Several LoRAs with weights in one line: "ink:0.8, panda". Pure; knows no library."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from engine.errors import LoraWeightInvalid
from engine.variants.bounds import MOST_WEIGHT

PARTS = re.compile("[,、;]")
"""After NFKC, which makes of fullwidth commas and colons plain ones."""
NUMBER = re.compile(r"[+-]?(\d{1,2}(\.\d{0,6})?|\.\d{1,6})")
DIGITS = 2
"""Finer weights cannot be told apart by eye."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A LoRA by name, and the weight that was typed; None is its own."""

    name: str
    weight: float | None = None


def read(typed: str) -> tuple[Asked, ...]:
    """Return what is asked for, in its order. Raises LoraWeightInvalid."""
    parts = (part.strip() for part in PARTS.split(unicodedata.normalize("NFKC", typed)))
    return tuple(_asked(part) for part in parts if part)


def written(uses: Iterable[tuple[str, float]]) -> str:
    """Return names and weights as they are typed."""
    return ", ".join(f"{name}:{weight:g}" for name, weight in uses)


def last(typed: str) -> tuple[str, str]:
    """Return what stands before the last item, ready to be gone on with, and that item."""
    folded = unicodedata.normalize("NFKC", typed)
    *before, item = PARTS.split(folded)
    kept = [part.strip() for part in before if part.strip()]
    return "".join(f"{part}, " for part in kept), item.strip()


def _asked(part: str) -> Asked:
    name, colon, number = part.rpartition(":")
    if not colon:
        return Asked(part)
    number = number.strip()
    if not NUMBER.fullmatch(number) or abs(float(number)) > MOST_WEIGHT:
        raise LoraWeightInvalid(value=number[:20], limit=f"{MOST_WEIGHT:g}")
    return Asked(name.strip(), round(float(number), DIGITS))
