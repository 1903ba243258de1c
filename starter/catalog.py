"""The things and backgrounds the starter knows, and which combinations it never sees.

It owns the reading of `catalog.toml` and the split; it must not know how a scene is drawn or said.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

CATALOG = Path(__file__).with_name("catalog.toml")
APART = 7  # one in so many ordered pairs of things is kept from all training


class Language(StrEnum):
    """Whose words a prompt is made of; MIXED takes names from English and from Chinese."""

    EN = "en"
    ZH = "zh"
    TW = "tw"
    MIXED = "mixed"


SPOKEN = (Language.EN, Language.ZH, Language.TW)
Names = Mapping[Language, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing that can be drawn, the glyph that shows it, and its names, the plain one first.

    `bare` is for what English counts without "a": fries, bread, socks.
    """

    key: str
    emoji: str
    names: Names
    counters: Mapping[Language, str]
    bare: bool


@dataclass(frozen=True, slots=True)
class Background:
    """One plain background colour and its names, the plain one first."""

    key: str
    rgb: tuple[int, int, int]
    names: Names


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything the starter can be asked for."""

    things: tuple[Thing, ...]
    backgrounds: tuple[Background, ...]

    def held_out(self) -> tuple[tuple[int, int], ...]:
        """Return the (thing, background) pairs kept from all training: two for each thing."""
        count = len(self.backgrounds)
        pairs = ((t, b) for t in range(len(self.things)) for b in (5 * t, 7 * t + 3))
        return tuple((thing, background % count) for thing, background in pairs)

    def seen(self) -> tuple[tuple[int, int], ...]:
        """Return the pairs that training may draw, in a fixed order."""
        held_out = set(self.held_out())
        pairs = ((t, b) for t in range(len(self.things)) for b in range(len(self.backgrounds)))
        return tuple(pair for pair in pairs if pair not in held_out)

    def seen_backgrounds(self, *things: int) -> tuple[int, ...]:
        """Return the backgrounds on which training may draw all of these things."""
        held_out = set(self.held_out())
        return tuple(
            background
            for background in range(len(self.backgrounds))
            if not any((thing, background) in held_out for thing in things)
        )


def strangers(thing: int, other: int) -> bool:
    """Tell whether these two things, in this order, are never shown together in training."""
    return (3 * thing + 5 * other) % APART == 0


def load_catalog(things: int | None = None) -> Catalog:
    """Read the catalog; `things` keeps only the first so many, for small runs."""
    raw = tomllib.loads(CATALOG.read_text(encoding="utf-8"))
    return Catalog(
        things=tuple(_thing(key, row) for key, row in raw["things"].items())[:things],
        backgrounds=tuple(
            Background(row["key"], tuple(row["rgb"]), _names(row)) for row in raw["background"]
        ),
    )


def _thing(key: str, row: dict[str, Any]) -> Thing:
    simplified, traditional = row["counter"]
    return Thing(
        key=key,
        emoji=row["emoji"],
        names=_names(row),
        counters={Language.ZH: simplified, Language.TW: traditional},
        bare=row.get("bare", False),
    )


def _names(row: dict[str, Any]) -> Names:
    return {language: tuple(row[language]) for language in SPOKEN}
