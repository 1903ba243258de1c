"""The one database and its doors; only this module opens, commits and rolls back.

Each door has a way for those who only read: SQLite, which writes one at a time, has them wait for
nobody, and no database lets them write.
"""

import asyncio
import contextvars
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property, partial
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DatabaseError, DBAPIError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from store.errors import StoreUnavailable

P = ParamSpec("P")
T = TypeVar("T")

BUSY_S = 10.0
"""How long SQLite waits for another writer before the member is told to try again."""
BUSY = f"busy_timeout={BUSY_S * 1000:.0f}"
BEGIN = "BEGIN IMMEDIATE"
READS = "reroll_reads"
"""An option of connections: nothing is to be written."""
LOOK_S = 0.001
"""How often it looks whether that one has ended. SQLite's own handler looks ever more rarely, so
that who has waited for long is overtaken, and one that ends in 6 ms is waited for until 8."""
POOL_S = 10
"""How long a transaction waits for its turn; SQLite's few are shared by all commands."""
SQLITE_AT_ONCE, POSTGRESQL_AT_ONCE = 2, 5
"""Transactions of one process: SQLite writes one at a time, and few wait less than many do."""
POSTGRESQL = {
    "connect_timeout": 5,
    "tcp_user_timeout": 20_000,
    # A process that is stopped in mid-transaction must not hold its locks for ever.
    "options": "-c lock_timeout=5s -c statement_timeout=30s"
    " -c idle_in_transaction_session_timeout=15s",
}


class Database:
    """Store functions are plain functions of a `Session`; each door runs them in one transaction.

    A worker uses `with database.begin() as session`; the bot `await database.run(function, ...)`.
    Where nothing is to be written these are `reading()` and `read(function, ...)`.
    """

    def __init__(self, url: str) -> None:
        self.url = _with_drivers(make_url(url))

    def __repr__(self) -> str:
        """Show the address without its password."""
        return f"Database({self.url.render_as_string(hide_password=True)!r})"

    @cached_property
    def _engine(self) -> Engine:
        return _prepared(create_engine(self.url, **_options(self.url)))

    @cached_property
    def _reader(self) -> Engine:
        options: dict[str, Any] = {READS: True}
        if self.url.get_backend_name() != "sqlite":
            options |= {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"}
        return self._engine.execution_options(**options)

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        # Transactions are Python too: on the event loop, a hundred orders would keep it from
        # acknowledging the next.
        return ThreadPoolExecutor(_at_once(self.url), thread_name_prefix="store")

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """Yield a session; commit at the end, roll back on any error.

        Raises StoreUnavailable where the database cannot answer.
        """
        with _transaction(self._engine) as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield a session that can write nothing, and sees one state.

        Raises StoreUnavailable where the database cannot answer.
        """
        with _transaction(self._reader) as session:
            yield session

    async def run(
        self, function: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a store function in one transaction, in a thread, and return its value.

        Who is cancelled stops waiting for it; the transaction ends as it would have.
        Raises StoreUnavailable where the database cannot answer.
        """
        return await self._apart(self.begin, lambda session: function(session, *args, **kwargs))

    async def read(
        self, function: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a store function that writes nothing, as `run` does."""
        return await self._apart(self.reading, lambda session: function(session, *args, **kwargs))

    async def _apart(
        self, door: Callable[[], AbstractContextManager[Session]], work: Callable[[Session], T]
    ) -> T:
        asked_at = time.monotonic()

        def transaction() -> T:
            if time.monotonic() - asked_at > POOL_S:
                raise StoreUnavailable from TimeoutError(f"no turn within {POOL_S} s")
            with door() as session:
                return work(session)

        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(context.run, transaction))

    def close(self) -> None:
        """End the threads and close the connections."""
        self._threads.shutdown()
        self._engine.dispose()


def upsert(session: Session, table: type[Any]) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT into `table` that can say what to do on a conflict."""
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


@contextmanager
def _transaction(engine: Engine) -> Iterator[Session]:
    with _unavailable(), Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InternalError, PoolTimeout) as error:
        raise StoreUnavailable from error
    except DBAPIError as error:
        # SQLite calls a damaged file by the plain class, which nothing else is called by.
        if error.connection_invalidated or type(error) is DatabaseError:
            raise StoreUnavailable from error
        raise


def _with_drivers(url: URL) -> URL:
    drivers = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
    return url.set(drivername=drivers.get(url.drivername, url.drivername))


def _options(url: URL) -> dict[str, Any]:
    # Errors would otherwise show what was written: interaction tokens and members' prompts.
    options: dict[str, Any] = {"hide_parameters": True}
    options |= {"pool_size": _at_once(url), "pool_timeout": POOL_S}
    if url.get_backend_name() == "sqlite":
        return options
    return options | {"pool_pre_ping": True, "connect_args": POSTGRESQL}


def _at_once(url: URL) -> int:
    return SQLITE_AT_ONCE if url.get_backend_name() == "sqlite" else POSTGRESQL_AT_ONCE


def _prepared(engine: Engine) -> Engine:
    if engine.url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _sqlite_connect)
        event.listen(engine, "begin", _sqlite_begin)
    return engine


def _sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we begin ourselves: the driver would begin DEFERRED
    for pragma in (BUSY, "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _sqlite_begin(connection: Connection) -> None:
    reads = connection.get_execution_options().get(READS, False)
    raw: Any = connection.connection.driver_connection
    raw.execute(f"PRAGMA query_only={reads:d}")
    if reads:
        connection.exec_driver_sql("BEGIN")
        return
    raw.execute("PRAGMA busy_timeout=0")
    try:
        # A DEFERRED transaction that reads first and writes later fails at once under contention.
        if not _has_turn(raw):
            connection.exec_driver_sql(BEGIN)  # which says in SQLAlchemy's terms what is wrong
    finally:
        raw.execute(f"PRAGMA {BUSY}")


def _has_turn(raw: sqlite3.Connection) -> bool:
    """Begin to write as soon as nobody else does; tell whether it went well."""
    give_up_at = time.monotonic() + BUSY_S
    while time.monotonic() < give_up_at:
        try:
            raw.execute(BEGIN)
            return True
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY:
                return False
        time.sleep(LOOK_S)
    return False
