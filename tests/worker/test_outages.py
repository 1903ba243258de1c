"""A database that is away for a moment while pictures are drawn."""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from engine.engine import Engine
from engine.memory.levers import Wishes
from store.database import Database
from store.errors import StoreUnavailable
from store.host import migrate
from tests import postgres
from tests.postgres import Server
from tests.worker.conftest import order, read
from worker.drawing import Parts, draw_waiting


@pytest.fixture
def server(postgresql_programs: Path) -> Iterator[Server]:
    with postgres.running(postgresql_programs, postgres.SURVIVES) as started:
        migrate.upgrade(started.url)
        yield started


@pytest.fixture
def database(server: Server) -> Iterator[Database]:
    opened = Database(server.url)
    yield opened
    opened.close()


def drawing(parts: Parts) -> Thread:
    """Return a thread that draws what waits, until the database has been away for too long."""

    def draw() -> None:
        with suppress(StoreUnavailable):
            draw_waiting(parts)

    started = Thread(target=draw)
    started.start()
    return started


def until_running(database: Database, placed: list[str]) -> None:
    while any(read(database, key).images[0].status == "queued" for key in placed):
        time.sleep(0.01)


def test_what_is_under_way_is_drawn_on_and_kept_by_its_first_claim(
    parts: Parts, server: Server, database: Database
) -> None:
    engine = Engine(device="cpu", wishes=Wishes(rows=3))  # room for one more, so it is looked for
    held = replace(parts, database=database, engine=engine)
    placed = [order(database, steps=200) for _ in range(2)]
    thread = drawing(held)
    until_running(database, placed)
    server.kill()
    time.sleep(1)
    server.start()
    thread.join()
    images = [read(database, key).images[0] for key in placed]
    assert [(image.status, image.attempts) for image in images] == [("done", 1)] * 2
    assert held.hand.empty


def test_nothing_is_held_for_ever_by_a_worker_that_gave_up(
    parts: Parts, server: Server, database: Database
) -> None:
    engine = Engine(device="cpu", wishes=Wishes(rows=3))
    held = replace(parts, database=database, engine=engine, patience_s=0)
    placed = [order(database, steps=steps) for steps in (20, 150, 151)]
    thread = drawing(held)
    until_running(database, placed)
    server.kill()
    thread.join()
    server.start()
    assert held.hand.empty  # its heart would prolong their leases
