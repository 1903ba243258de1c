"""What is asked every few seconds reads what is open or new, never all that there ever was."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from store.database import Database
from store.host import overview, workers
from store.line import claims, queues
from store.money.ledger import Flow
from store.orders import deliveries, searches
from store.orders.searches import Search
from store.pictures import gallery
from store.sweep import PATIENCE_MS, reclaim, sweep
from tests.store import ends
from tests.store.placing import kept, place

GROW = ("images", "generations", "ledger", "money", "audit")
SMALL = ("waiting", "leased", "in_lane", "drawn_for", "laneless", "held", "open", "un", "tokened")
"""How the names of indexes begin that hold only what has not ended."""
ME = Flow(5, 1)
Asked = Callable[[Session], object]


def a_picture(session: Session) -> None:
    """Go the way of an order from its placing to its end."""
    place(session, 2)
    claim = claims.claim(session, "w", ["starter"])
    assert claim
    claims.beat(session, claim)
    ends.keep(session, claim, kept(claim.request))


@pytest.mark.parametrize(
    "asked",
    [
        a_picture,
        lambda session: sweep(session, watched_ms=PATIENCE_MS),
        lambda session: reclaim(session, "w"),
        overview.read,
        deliveries.due,
        lambda session: queues.read(session, ME),
        lambda session: searches.history(session, ME, Search(starred=True), offset=0, limit=5),
        lambda session: workers.hands_beside(session, "w", {"starter"}),
        lambda session: gallery.showcase(session, [5, 6], offset=0, limit=20),
        lambda session: gallery.own(session, 1, offset=0, limit=20),
    ],
)
def test_nothing_reads_all_that_there_ever_was(sqlite_url: str, asked: Asked) -> None:
    database = Database(sqlite_url)
    with database.begin() as session:
        place(session)
        with plans(session) as told:
            asked(session)
    assert [line for line in told if grows(line)] == []
    database.close()


@contextmanager
def plans(session: Session) -> Iterator[list[str]]:
    """Gather how SQLite goes about each statement; without statistics it does so at any size."""
    engine: Any = session.get_bind()
    told: list[str] = []

    def explain(_: Any, cursor: Any, statement: str, parameters: Any, *__: Any) -> None:
        if not statement.startswith(("SAVEPOINT", "RELEASE")):
            rows = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            told.extend(str(row[-1]) for row in rows)

    event.listen(engine, "before_cursor_execute", explain)
    yield told
    event.remove(engine, "before_cursor_execute", explain)
    assert told


def grows(line: str) -> bool:
    """Tell whether a table that grows for ever is read from end to end, or for a whole server."""
    deed, *rest = line.split()
    index = rest[-1] if "INDEX" in rest else ""
    table = rest[0] if rest else ""
    small = any(index.startswith(f"ix_{table}_{beginning}") for beginning in SMALL)
    is_much = (deed == "SCAN" and not small) or line.endswith("(guild_id=?)")
    return is_much and table in GROW
