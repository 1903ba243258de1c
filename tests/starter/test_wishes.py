"""What training may ask for."""

import random
from collections import Counter

from starter.catalog import load_catalog, strangers
from starter.wishes import (
    Relation,
    Style,
    Wish,
    counted_wishes,
    paired_wishes,
    single_wishes,
    styled_wishes,
    vaguer,
)

CATALOG = load_catalog()
HELD_OUT = set(CATALOG.held_out())


def test_no_kind_of_wish_shows_a_thing_on_a_background_that_is_held_out() -> None:
    rng = random.Random(0)
    kinds = (
        single_wishes(CATALOG),
        counted_wishes(CATALOG, 1, rng),
        styled_wishes(CATALOG, 1, rng),
        paired_wishes(CATALOG, 500, rng),
    )
    for wishes in kinds:
        shown = {(w.thing, w.background) for w in wishes}
        assert shown
        assert not shown & HELD_OUT


def test_pairs_by_lot_are_known_or_strangers_as_asked() -> None:
    for known in (True, False):
        wishes = list(paired_wishes(CATALOG, 300, random.Random(1), known=known))
        assert len(wishes) == 300
        assert {strangers(w.thing or 0, w.other or 0) for w in wishes} == {not known}
        assert all(w.thing != w.other for w in wishes)
        assert set(Counter(w.relation for w in wishes)) == set(Relation)


def test_what_is_said_of_a_picture_never_contradicts_it() -> None:
    rng = random.Random(2)
    wish = Wish(3, 4, count=2)
    said = [vaguer(wish, rng) for _ in range(500)]
    assert {w.count for w in said} == {2}
    assert {w.thing for w in said} == {3}
    assert {w.background for w in said} == {4, None}
    assert sum(w == wish for w in said) > 400


def test_a_lone_plain_thing_may_go_unnamed() -> None:
    rng = random.Random(3)
    said = {(w.thing, w.background) for w in (vaguer(Wish(3, 4), rng) for _ in range(800))}
    assert said == {(3, 4), (3, None), (None, 4), (None, None)}
    assert all(vaguer(Wish(3, 4, style=Style.PIXEL), rng).thing == 3 for _ in range(200))
