"""The one database and its two doors; only this module opens, commits and rolls back."""

import asyncio
import contextvars
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DatabaseError, DBAPIError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from store.errors import StoreUnavailable

P = ParamSpec("P")
T = TypeVar("T")

BUSY_MS = 10_000
"""How long SQLite waits for another writer before the member is told to try again."""
POOL_S = 10
"""How long a transaction waits for its turn; SQLite's few are shared by all commands."""
SQLITE_AT_ONCE, POSTGRESQL_AT_ONCE = 2, 5
"""Transactions of one process. SQLite's busy handler is unfair: few wait less than many do."""
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
    def _threads(self) -> ThreadPoolExecutor:
        # Transactions are Python too: on the event loop, a hundred orders would keep it from
        # acknowledging the next.
        return ThreadPoolExecutor(_at_once(self.url), thread_name_prefix="store")

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """Yield a session; commit at the end, roll back on any error.

        Raises StoreUnavailable where the database cannot answer.
        """
        with _unavailable(), Session(self._engine, expire_on_commit=False) as session:
            with session.begin():
                yield session

    async def run(
        self, function: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a store function in one transaction, in a thread, and return its value.

        Who is cancelled stops waiting for it; the transaction ends as it would have.
        Raises StoreUnavailable where the database cannot answer.
        """
        asked_at = time.monotonic()

        def transaction() -> T:
            if time.monotonic() - asked_at > POOL_S:
                raise StoreUnavailable
            with self.begin() as session:
                return function(session, *args, **kwargs)

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
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={BUSY_MS}",
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_begin(connection: Any) -> None:
    # A DEFERRED transaction that reads first and writes later fails at once under contention.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
