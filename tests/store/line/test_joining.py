"""Who joins the pictures under way: whose turn it is, or somebody little ahead, for a while."""

from dataclasses import replace

import pytest

from engine.request import LoraUse
from store.database import Database
from store.host import workers
from store.line import claims
from store.line.claims import NOTHING_LOADED, Claim
from store.line.fairness import Residency
from store.line.joining import AHEAD_S, STAY_S, Joining, join
from tests.store import ends
from tests.store.placing import kept, place, request

HERE = Joining(variants=frozenset({"starter"}), width=64, height=64, for_s=0.0)
WIDE = replace(request(), width=96)


def joined(
    database: Database, joining: Joining = HERE, residency: Residency = NOTHING_LOADED
) -> Claim | None:
    with database.begin() as session:
        found = join(session, "w", ["starter", "other"], residency, joining)
    return found[0] if found else None


def test_whose_turn_it_is_joins_once(database: Database) -> None:
    with database.begin() as session:
        placed = place(session)
    claim = joined(database)
    assert claim
    assert (claim.generation_id, claim.attempt) == (placed, 1)
    assert joined(database) is None


@pytest.mark.parametrize(
    "joining",
    [
        replace(HERE, width=96),
        replace(HERE, height=96),
        replace(HERE, variants=frozenset({"other"})),
    ],
)
def test_what_cannot_share_a_forward_waits(database: Database, joining: Joining) -> None:
    with database.begin() as session:
        place(session)
    assert joined(database, joining) is None


def test_a_picture_that_starts_from_another_waits(database: Database) -> None:
    with database.begin() as session:
        place(session, request=replace(request(), canvas="a" * 64))
    assert joined(database) is None


def test_somebody_little_ahead_joins_for_a_while_only(database: Database) -> None:
    with database.begin() as session:
        place(session, user_id=1, request=WIDE)
        placed = place(session, user_id=2)
    assert joined(database, replace(HERE, for_s=STAY_S)) is None
    claim = joined(database)
    assert claim
    assert claim.generation_id == placed


def test_nobody_far_ahead_joins(database: Database) -> None:
    with database.begin() as session:
        place(session, 3, user_id=2)
        place(session, 1, user_id=1, request=WIDE)
        claim = claims.claim(session, "w", ["starter"])
    assert claim
    assert claim.order["width"] == 64
    with database.begin() as session:
        ends.keep(session, claim, replace(kept(claim.request), seconds=AHEAD_S + 1))
    assert joined(database) is None
    assert joined(database, replace(HERE, width=96))
    assert joined(database)


def test_nobody_joins_whose_lora_is_not_at_hand(database: Database) -> None:
    with database.begin() as session:
        first = place(session, user_id=1, request=replace(request(), loras=(LoraUse("a"),)))
        other = place(session, user_id=2)
    claim = joined(database)
    assert claim
    assert claim.generation_id == other
    there = replace(NOTHING_LOADED, loras=frozenset("a"))
    claim = joined(database, residency=there)
    assert claim
    assert claim.generation_id == first


@pytest.mark.parametrize(
    ("waiting", "held", "theirs", "joins"),
    [(1, 1, 0, False), (2, 1, 0, True), (2, 2, 0, False), (1, 1, 1, True), (1, 2, 1, False)],
)
def test_workers_who_hold_less_are_left_their_share(
    database: Database, waiting: int, held: int, theirs: int, joins: bool
) -> None:
    with database.begin() as session:
        place(session, waiting + theirs)
        workers.report(session, "other", ["starter"], {"starter": {}})
        workers.report(session, "empty", ["starter"])
        workers.report(session, "w", ["starter"], {"starter": {}})
        for _ in range(theirs):
            assert claims.claim(session, "other", ["starter"])
    assert bool(joined(database, replace(HERE, held=held))) is joins


def test_nothing_is_left_to_who_draws_something_else(database: Database) -> None:
    with database.begin() as session:
        place(session, 1, request=request(variant="other"))
        workers.report(session, "busy", ["starter", "other"], {"starter": {}})
        assert claims.claim(session, "busy", ["other"])
        place(session, 1, user_id=2)
    assert joined(database, replace(HERE, held=2))


@pytest.mark.parametrize(("theirs", "most", "taken"), [(0, 8, 2), (0, 1, 1), (1, 8, 2)])
def test_several_join_at_once_and_others_keep_their_share(
    database: Database, theirs: int, most: int, taken: int
) -> None:
    """Of five images one is held here, `theirs` there; the rest is shared."""
    with database.begin() as session:
        placed = place(session, 5)
        for name in ("w", "other"):
            workers.report(session, name, ["starter"], {"starter": {}})
        assert claims.claim(session, "w", ["starter"])
        for _ in range(theirs):
            assert claims.claim(session, "other", ["starter"])
    with database.begin() as session:
        found = join(session, "w", ["starter"], NOTHING_LOADED, HERE, most=most)
    first = 1 + theirs
    assert [(one.generation_id, one.index) for one in found] == [
        (placed, index) for index in range(first, first + taken)
    ]
