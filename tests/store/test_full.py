"""A database without room: nothing is lost or half written, and work goes on once there is some."""

from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import func, select

from store.database import Database
from store.errors import StoreUnavailable
from store.line import claims
from store.money import ledger
from store.orders import generations, placing
from store.sweep import sweep
from store.tables.lines import Lane
from store.tables.money import LedgerEntry
from store.tables.orders import Generation, Image
from tests.full import STRANGER, full
from tests.store import ends
from tests.store.placing import NOON, PLAN, kept, order, place, request

MINE = ledger.Flow(5, 1)


def left(database: Database, now: datetime = NOON) -> int:
    with database.begin() as session:
        return ledger.balance(session, MINE, PLAN, now).left


def rows(database: Database) -> list[int]:
    """Return how many rows there are of one member."""
    with database.begin() as session:
        counted = [
            session.scalar(select(func.count()).select_from(table).where(table.user_id != STRANGER))
            for table in (Generation, Lane, LedgerEntry)
        ]
    return [count or 0 for count in counted]


def test_an_order_that_finds_no_room_leaves_nothing_and_costs_nothing(database: Database) -> None:
    with database.begin() as session:
        place(session)
    before, credits_before = rows(database), left(database)
    long = replace(request(), prompt="熊" * 400)
    with full(database):
        for _ in range(2):
            with pytest.raises(StoreUnavailable), database.begin() as session:
                placing.create(session, order(request=long), PLAN, NOON)
    assert (rows(database), left(database)) == (before, credits_before)
    with database.begin() as session:
        placing.create(session, order(request=long), PLAN, NOON)
    assert left(database) == credits_before - 1


def test_a_picture_that_finds_no_room_is_kept_later_by_the_same_claim(database: Database) -> None:
    long = replace(request(), prompt="熊" * 9000)
    with database.begin() as session:
        placed = placing.create(session, order(request=long), PLAN, NOON).id
        claim = claims.claim(session, "w", ["starter"])
    assert claim
    with full(database):
        with pytest.raises(StoreUnavailable), database.begin() as session:
            ends.keep(session, claim, kept(claim.request))
    with database.begin() as session:
        assert session.scalar(select(Image.status).where(Image.fence == claim.fence)) == "running"
        assert ends.keep(session, claim, kept(claim.request))
        sweep(session, watched_ms=0)
        assert generations.get(session, placed).status == "done"
