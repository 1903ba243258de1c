"""What a prompt can ask the starter for, and the drawing of wishes by lot.

It owns the wish and what training may see of it; it must not know words or pixels.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import permutations

from starter.catalog import Catalog, strangers

MOST = 4  # of the same thing in one picture


class Relation(StrEnum):
    """Where the first of two things is, seen from the other."""

    LEFT = "left"
    RIGHT = "right"
    ABOVE = "above"
    BELOW = "below"


class Style(StrEnum):
    """How a thing is drawn."""

    PLAIN = "plain"
    OUTLINE = "outline"
    SEPIA = "sepia"
    PIXEL = "pixel"


FANCY = tuple(style for style in Style if style is not Style.PLAIN)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a prompt asks for; None leaves the choice to the model.

    With `other` there are two things and their relation; else `count` of the same thing, 1 to 4.
    """

    thing: int | None
    background: int | None
    count: int = 1
    other: int | None = None
    relation: Relation = Relation.LEFT
    style: Style = Style.PLAIN


def single_wishes(catalog: Catalog) -> Iterator[Wish]:
    """Yield one thing on every background that training may show it on."""
    for thing, background in catalog.seen():
        yield Wish(thing, background)


def counted_wishes(catalog: Catalog, each: int, rng: random.Random) -> Iterator[Wish]:
    """Yield two, three and four of every thing, each on `each` backgrounds by lot."""
    for thing in range(len(catalog.things)):
        for count in range(2, MOST + 1):
            for background in rng.sample(catalog.seen_backgrounds(thing), each):
                yield Wish(thing, background, count=count)


def styled_wishes(catalog: Catalog, each: int, rng: random.Random) -> Iterator[Wish]:
    """Yield every thing in every fancy style, each on `each` backgrounds by lot."""
    for thing in range(len(catalog.things)):
        for style in FANCY:
            for background in rng.sample(catalog.seen_backgrounds(thing), each):
                yield Wish(thing, background, style=style)


def paired_wishes(
    catalog: Catalog, count: int, rng: random.Random, *, known: bool = True
) -> Iterator[Wish]:
    """Yield two things and a relation by lot: pairs training may show, or else its strangers."""
    pairs = [
        (thing, other)
        for thing, other in permutations(range(len(catalog.things)), 2)
        if strangers(thing, other) is not known
    ]
    for thing, other in rng.choices(pairs, k=count):
        background = rng.choice(catalog.seen_backgrounds(thing, other))
        relation = rng.choice(tuple(Relation))
        yield Wish(thing, background, other=other, relation=relation)


def mixed_wishes(catalog: Catalog, count: int, rng: random.Random) -> list[Wish]:
    """Return wishes of every kind: half alone, a quarter in pairs, the rest counted and styled."""
    paired, counted = count // 4, count // 8
    styled = count // 2 - paired - counted
    return [
        *rng.choices(tuple(single_wishes(catalog)), k=count - count // 2),
        *paired_wishes(catalog, paired, rng),
        *rng.choices(tuple(counted_wishes(catalog, 1, rng)), k=counted),
        *rng.choices(tuple(styled_wishes(catalog, 1, rng)), k=styled),
    ]


def vaguer(wish: Wish, rng: random.Random) -> Wish:
    """Return what somebody may have said who got this picture: mostly all of it."""
    unsaid = rng.random()
    if unsaid < 0.08:
        return replace(wish, background=None)
    simple = wish.other is None and wish.count == 1 and wish.style is Style.PLAIN
    if simple and unsaid < 0.12:
        return replace(wish, thing=None)
    if simple and unsaid < 0.14:
        return Wish(None, None)
    return wish
