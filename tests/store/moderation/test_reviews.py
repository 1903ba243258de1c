"""Held pictures: decided once, credits exact, and nobody forgotten."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from engine.judging.verdicts import Verdict
from store.clock import now_ms
from store.database import Database
from store.errors import Gone
from store.line import claims
from store.moderation import reviews
from store.moderation.errors import ReviewDone
from store.moderation.reviews import Overdue
from store.money import ledger
from store.orders import deliveries, generations
from store.sweep import sweep
from store.tables.money import LedgerEntry
from store.tables.orders import Generation, Image, Review
from tests.store import ends
from tests.store.placing import NOON, PLAN, kept, place


def drawn(database: Database, *verdicts: Verdict) -> str:
    """Place an order of a picture each and draw it; leave those of the rest waiting."""
    with database.begin() as session:
        order = place(session, len(verdicts))
    for verdict in verdicts:
        with database.begin() as session:
            claim = claims.claim(session, "w", ["starter"])
            assert claim
            ends.keep(session, claim, replace(kept(claim.request), verdict=verdict))
    return order


def read(database: Database, order: str) -> Generation:
    with database.begin() as session:
        return generations.get(session, order)


def left(database: Database) -> int:
    with database.begin() as session:
        return ledger.balance(session, ledger.Flow(5, 1), PLAN, NOON).left


def decide(database: Database, order: str, review: Review, index: int = 0) -> str | None:
    with database.begin() as session:
        return reviews.decide(session, order, index, review, by=9)


def due(database: Database) -> int:
    with database.begin() as session:
        return len(deliveries.due(session))


def test_a_held_picture_is_among_none_that_are_shown(database: Database) -> None:
    order = drawn(database, Verdict.HOLD, Verdict.SPOILER, Verdict.DELIVER)
    held, veiled, plain = read(database, order).images
    assert (held.file_sha256, held.review) == (None, Review.WAITING)
    assert held.held_sha256
    assert held.pixel_sha256
    assert (veiled.review, plain.review) == (Review.SPOILER, None)
    assert veiled.file_sha256
    assert read(database, order).status == "done"


@pytest.mark.parametrize("review", [Review.RELEASED, Review.SPOILER])
def test_a_released_picture_is_delivered_anew(database: Database, review: Review) -> None:
    order = drawn(database, Verdict.HOLD)
    with database.begin() as session:
        deliveries.delivered(session, generations.get(session, order), 77)
    assert due(database) == 0
    assert decide(database, order, review) is None
    image = read(database, order).images[0]
    assert (image.held_sha256, image.review) == (None, review)
    assert image.file_sha256
    assert due(database) == 1
    assert left(database) == 9


def test_what_is_decided_while_an_order_is_being_shown_is_shown_after_that(
    database: Database,
) -> None:
    order = drawn(database, Verdict.HOLD, Verdict.HOLD)
    decide(database, order, Review.RELEASED)
    shown = read(database, order)
    decide(database, order, Review.RELEASED, 1)
    with database.begin() as session:
        assert not deliveries.delivered(session, shown, 77)
    (row,) = [read(database, order)]
    assert (row.message_id, row.delivered_at, due(database)) == (77, None, 1)
    with database.begin() as session:
        assert deliveries.delivered(session, row, 77)
    assert due(database) == 0


def test_a_refused_picture_is_refunded_once(database: Database) -> None:
    order = drawn(database, Verdict.HOLD, Verdict.DELIVER)
    assert left(database) == 8
    removed = decide(database, order, Review.REFUSED)
    assert removed
    assert left(database) == 9
    row = read(database, order)
    assert (row.status, row.images[0].status) == ("done", "failed")
    assert row.error == {"code": "picture_withheld", "params": {}}
    for review in Review:
        with pytest.raises(ReviewDone):
            decide(database, order, review)
    assert left(database) == 9


def test_an_order_of_refused_pictures_has_failed(database: Database) -> None:
    order = drawn(database, Verdict.HOLD)
    decide(database, order, Review.REFUSED)
    assert read(database, order).status == "failed"
    assert left(database) == 10


def test_a_picture_refused_before_its_order_ends_is_refunded_with_it(database: Database) -> None:
    with database.begin() as session:
        order = place(session, 2)
    for verdict in (Verdict.HOLD, Verdict.DELIVER):
        with database.begin() as session:
            claim = claims.claim(session, "w", ["starter"])
            assert claim
            ends.keep(session, claim, replace(kept(claim.request), verdict=verdict))
        if verdict is Verdict.HOLD:
            decide(database, order, Review.REFUSED)
    row = read(database, order)
    assert (row.status, row.error) == ("done", {"code": "picture_withheld", "params": {}})
    assert left(database) == 9


def test_what_nobody_looks_at_is_refused_in_the_end(database: Database) -> None:
    order = drawn(database, Verdict.HOLD)
    with database.begin() as session:
        assert sweep(session, watched_ms=0).overdue == ()
        longer = now_ms() - reviews.PATIENCE_MS - 1000
        session.execute(update(Image).values(finished_at=longer))
    held = read(database, order).images[0].held_sha256 or ""
    for _ in range(2):  # of workers, which remove no files
        with database.begin() as session:
            assert sweep(session, watched_ms=0).overdue == (Overdue(order, 0, held),)
    with database.begin() as session:
        for late in (Overdue(order, 0, held),) * 2:
            reviews.refuse(session, late)
        assert sweep(session, watched_ms=0).overdue == ()
    assert left(database) == 10
    assert read(database, order).status == "failed"


def test_a_deleted_order_waits_for_nobody(database: Database) -> None:
    order = drawn(database, Verdict.HOLD)
    with database.begin() as session:
        generations.delete(session, order, 1, moderator=False)
    with pytest.raises(ReviewDone):
        decide(database, order, Review.RELEASED)


def purses(database: Database, order: str) -> list[tuple[str, str, int]]:
    with database.begin() as session:
        entries = session.scalars(select(LedgerEntry).order_by(LedgerEntry.id)).all()
        return [(e.kind, e.purse, e.amount) for e in entries if e.reference.startswith(order)]


def test_a_held_picture_that_is_deleted_comes_back_as_it_was_paid(database: Database) -> None:
    me, today = ledger.Flow(5, 1), NOON.date().isoformat()
    with database.begin() as session:
        ledger.hold(session, me, PLAN, "before", 9, NOON)
        ledger.grant(session, me, 5, "gift")
    order = drawn(database, Verdict.HOLD, Verdict.HOLD, Verdict.DELIVER)
    assert left(database) == 3
    with database.begin() as session:
        generations.delete(session, order, 1, moderator=False)
    # Of three credits two were gifts, which were taken last and come back first.
    back = [one for one in purses(database, order) if one[0] == "refund"]
    assert back == [("refund", "kept", 1), ("refund", "kept", 1)]
    assert left(database) == 5
    alone = drawn(database, Verdict.HOLD)
    with database.begin() as session:
        session.execute(
            update(LedgerEntry).where(LedgerEntry.reference == alone).values(purse=today)
        )
        generations.delete(session, alone, 1, moderator=False)
    assert purses(database, alone)[-1] == ("refund", today, 1)


def test_an_order_deleted_before_its_end_gives_back_the_held_with_the_rest(
    database: Database,
) -> None:
    with database.begin() as session:
        order = place(session, 2)
    with database.begin() as session:
        claim = claims.claim(session, "w", ["starter"])
        assert claim
        ends.keep(session, claim, replace(kept(claim.request), verdict=Verdict.HOLD))
        generations.delete(session, order, 1, moderator=False)
    assert left(database) == 10


def test_of_deletions_verdicts_and_sweeps_at_once_one_pays_back(database: Database) -> None:
    orders = [drawn(database, Verdict.HOLD) for _ in range(4)]
    with database.begin() as session:
        session.execute(update(Image).values(finished_at=now_ms() - reviews.PATIENCE_MS - 1000))

    def act(number: int) -> None:
        order = orders[number // 4]
        with database.begin() as session:
            late = [one for one in reviews.overdue(session) if one.generation_id == order]
        with suppress(Gone, ReviewDone), database.begin() as session:
            if number % 4 == 0:
                reviews.decide(session, order, 0, Review.REFUSED, by=9)
            elif number % 4 == 3:
                for one in late:
                    reviews.refuse(session, one)
            else:
                generations.delete(session, order, 1, moderator=False)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(act, range(16)))
    assert left(database) == 10
