"""Contact sheets: what the shipped weights draw, for the eye to judge.

It owns the layout; it must not know how pictures are scored.
"""

from enum import StrEnum
from pathlib import Path

from PIL import Image

from starter.catalog import Catalog, Language
from starter.recipe import Making
from starter.sample import Order, Way, load, sample
from starter.wishes import FANCY, Relation, Wish

COLUMNS = 12
FEATURED = (0, 27, 17, 97)  # panda, unicorn, burger, popcorn
MUSHROOM, APPLE = 35, 12


class Page(StrEnum):
    """What a sheet shows."""

    THINGS = "things"  # every thing once, on a colour it was never trained on
    SOME = "some"  # 48 things spread over the catalog
    LANGUAGES = "languages"  # six prompts in English, the same six in Chinese, the same seeds
    SCENES = "scenes"  # styles, counts and relations


def sheet(making: Making, page: Page, way: Way, out: Path) -> None:
    """Draw a page and save it as one PNG."""
    columns, orders = COLUMNS, _orders(making, page)
    if page is Page.LANGUAGES:
        columns = len(orders) // 2
    pipeline = load(making.target, making.lightning, way)
    side = making.recipe.side
    pictures = sample(pipeline, orders, way, side, batch=16)
    paper = Image.new("RGB", (columns * side, -(-len(pictures) // columns) * side))
    for index, picture in enumerate(pictures):
        paper.paste(picture, (index % columns * side, index // columns * side))
    paper.save(out)


def _orders(making: Making, page: Page) -> list[Order]:
    catalog, speaker = making.catalog, making.speaker
    both = (Language.EN, Language.ZH)
    if page is Page.LANGUAGES:
        wishes = _featured(catalog)
        return [
            Order(speaker.plain(wish, language, 1 if language is Language.ZH else 0), seed)
            for language in both
            for seed, wish in enumerate(wishes)
        ]
    wishes = _scenes(catalog) if page is Page.SCENES else _alone(catalog)
    if page is Page.SOME:
        wishes = wishes[2 :: max(1, len(wishes) // 48)][:48]
    return [
        Order(speaker.plain(wish, both[index % 2], index), index)
        for index, wish in enumerate(wishes)
    ]


def _alone(catalog: Catalog) -> list[Wish]:
    return [Wish(*pair) for pair in catalog.held_out()[::2]]


def _featured(catalog: Catalog) -> list[Wish]:
    total, background = len(catalog.things), dict(catalog.held_out())
    alone = [Wish(thing % total, background[thing % total]) for thing in FEATURED]
    return [
        *alone,
        Wish(MUSHROOM % total, 5, count=4),
        Wish(FEATURED[0], 2, other=APPLE % total, relation=Relation.LEFT),
    ]


def _scenes(catalog: Catalog) -> list[Wish]:
    total = len(catalog.things)
    styled = [Wish(5 * row % total, row % 12, style=style) for row, style in enumerate(FANCY * 4)]
    counted = [Wish(7 * row % total, row % 12, count=2 + row % 3) for row in range(12)]
    related = [
        Wish(3 * row % total, row % 12, other=(11 * row + 60) % total, relation=relation)
        for row, relation in enumerate(tuple(Relation) * 6)
    ]
    return [*styled, *counted, *related]
