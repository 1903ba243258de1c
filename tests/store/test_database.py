"""Both doors commit what succeeds, undo what fails, and answer when the database cannot."""

import asyncio
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.util import CommandError
from sqlalchemy import event, select, text

from store import database as doors
from store.database import Database
from store.errors import StoreUnavailable
from store.host import migrate, workers
from store.line import claims, waiting
from store.line.forecast import Wait
from store.tables.orders import Generation
from tests.store.placing import place


def test_the_migrated_schema_is_the_one_in_code(database_url: str) -> None:
    migrate.check(database_url)


def test_a_difference_between_schema_and_code_is_found(database_url: str) -> None:
    database = Database(database_url)
    with database.begin() as session:
        session.execute(text("ALTER TABLE workers ADD COLUMN stray INTEGER"))
    database.close()
    with pytest.raises(CommandError):
        migrate.check(database_url)


def test_upgrading_twice_is_harmless(database_url: str) -> None:
    migrate.upgrade(database_url)


async def test_the_bots_door_runs_the_same_functions(database_url: str) -> None:
    database = Database(database_url)
    await database.run(workers.report, "w", ["starter"])
    assert await database.run(workers.serving) == {"starter"}
    database.close()


async def test_an_error_undoes_the_whole_transaction(database_url: str) -> None:
    database = Database(database_url)

    def half(session: object) -> None:
        workers.report(session, "w", ["starter"])  # type: ignore[arg-type]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.run(half)
    assert await database.run(workers.serving) == set()
    database.close()


async def test_a_database_that_is_away_is_a_clear_answer_at_both_doors() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        database = Database(f"postgresql://me:secret@127.0.0.1:{probe.getsockname()[1]}/none")
        with pytest.raises(StoreUnavailable), database.begin() as session:
            workers.serving(session)
        with pytest.raises(StoreUnavailable):
            await database.run(workers.serving)
    assert "secret" not in repr(database)
    database.close()


async def test_a_long_transaction_leaves_the_loop_free(database_url: str) -> None:
    database = Database(database_url)
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.01)
            turns += 1

    turning = asyncio.create_task(turn())
    await database.run(lambda _session: time.sleep(1))
    turning.cancel()
    assert turns > 20
    database.close()


async def test_a_database_without_tables_is_a_clear_answer(tmp_path: object) -> None:
    database = Database(f"sqlite:///{tmp_path}/empty.db")
    with pytest.raises(StoreUnavailable):
        await database.run(workers.serving)
    database.close()


async def test_who_reads_waits_for_no_writer_and_sees_what_was_before(database_url: str) -> None:
    database = Database(database_url)
    with database.begin() as session:
        workers.report(session, "w", ["starter"])
        session.flush()
        assert await asyncio.wait_for(database.read(workers.serving), 5) == set()
    assert await database.read(workers.serving) == {"starter"}
    database.close()


async def test_who_reads_cannot_write_and_the_next_can(database_url: str) -> None:
    database = Database(database_url)
    for _ in range(6):  # on each of the pool's connections
        with pytest.raises(StoreUnavailable):
            await database.read(workers.report, "w", ["starter"])
    assert await database.read(workers.serving) == set()
    await database.run(workers.report, "w", ["starter"])
    assert await database.read(workers.serving) == {"starter"}
    database.close()


def test_who_writes_to_sqlite_waits_for_its_turn_and_not_for_ever(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = Database(sqlite_url), Database(sqlite_url)

    def write() -> None:
        with theirs.begin() as session:
            workers.report(session, "w", ["starter"])

    with ThreadPoolExecutor(1) as pool:
        with ours.begin() as session:
            workers.serving(session)  # the first statement takes the turn
            waiting = pool.submit(write)
            time.sleep(0.3)
            assert not waiting.done()
        waiting.result(5)
        monkeypatch.setattr(doors, "BUSY_S", 0.2)
        with ours.begin() as session:
            workers.serving(session)
            with pytest.raises(StoreUnavailable):
                pool.submit(write).result(5)
    ours.close()
    theirs.close()


def test_who_reads_sees_one_state_whatever_is_written_meanwhile(database: Database) -> None:
    with database.begin() as session:
        place(session)
    with database.reading() as session:
        seen = session.scalars(select(Generation.id)).all()
        with database.begin() as other:
            place(other)
        assert session.scalars(select(Generation.id)).all() == seen
    with database.reading() as session:
        assert len(session.scalars(select(Generation.id)).all()) == 2


def test_an_order_that_is_begun_while_its_wait_is_told_waits_no_more(postgresql_url: str) -> None:
    database, other = Database(postgresql_url), Database(postgresql_url)
    with database.begin() as session:
        placed = place(session)

    def take(*_: object) -> None:
        with other.begin() as session:
            assert claims.claim(session, "w", ["starter"])

    with database.begin() as session:
        session.scalar(select(1))
        event.listen(database._engine, "after_cursor_execute", take, once=True)
        assert waiting.estimate(session, placed) == Wait(0, None)
    for one in (database, other):
        one.close()
