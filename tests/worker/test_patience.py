"""What a worker waits for at its start, on real databases that are away or full."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from store.database import Database
from store.host import schema
from store.orders import placing
from tests.full import full
from tests.store.placing import NOON, PLAN, order, request
from worker.patience import once_there

ONCE = [("unavailable", "database"), ("available again", "database")]


def told(lines: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    return [(line["event"], line["what"]) for line in lines]


def test_a_database_that_is_away_is_waited_for_and_told_of_once(tmp_path: Path) -> None:
    later = tmp_path / "mounted later"
    opened = Database(f"sqlite:///{later}/reroll.db")
    tries = 0

    def look() -> int:
        nonlocal tries
        tries += 1
        with opened.begin() as session:
            return session.execute(text("SELECT 7")).scalar_one()

    Timer(3, later.mkdir).start()
    with capture_logs() as lines:
        assert once_there(look) == 7
    opened.close()
    assert tries > 2
    assert told(lines) == ONCE


def test_one_without_room_is_waited_for(database: Database) -> None:
    long = replace(request(), prompt="熊" * 400)

    def place() -> str:
        with database.begin() as session:
            return placing.create(session, order(request=long), PLAN, NOON).id

    with capture_logs() as lines, ExitStack() as room:
        room.enter_context(full(database))
        Timer(1, room.pop_all().close).start()
        assert once_there(place)
    assert told(lines) == ONCE


def test_what_waiting_does_not_mend_is_raised_at_once(sqlite: Database) -> None:
    with sqlite.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0002'"))
    with pytest.raises(schema.SchemaOld):
        once_there(lambda: schema.require(sqlite))
