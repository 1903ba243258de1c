"""A database whose disk is full, for as long as a test needs it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy import event, text

from store.database import Database
from store.errors import StoreUnavailable
from store.money.plans import Plan
from store.orders import placing
from tests.store.placing import NOON, order, request

LARGE = 10**9
STRANGER = 99
ENOUGH = 8


@contextmanager
def full(database: Database) -> Iterator[None]:
    """Leave no room for another row until the block ends."""
    full_here = _sqlite if database.url.get_backend_name() == "sqlite" else _postgresql
    with full_here(database):
        yield


@contextmanager
def _sqlite(database: Database) -> Iterator[None]:
    """Let the file not grow, and fill up what room its pages have."""
    most = 1

    def limited(connection: Any, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count={most}")

    event.listen(database._engine, "checkout", limited)
    try:
        for prompt in ("熊" * 400, "熊"):
            _fill(database, prompt)
        yield
    finally:
        most = LARGE  # for each connection, when it is taken next


def _fill(database: Database, prompt: str) -> None:
    """Place orders until none fits: one that does not may only have met a full page."""
    refused = 0
    while refused < ENOUGH:
        wish = order(user_id=STRANGER, guild_id=STRANGER, request=replace(request(), prompt=prompt))
        try:
            with database.begin() as session:
                placing.create(session, wish, Plan(daily_credits=LARGE), NOON)
        except StoreUnavailable:
            refused += 1


@contextmanager
def _postgresql(database: Database) -> Iterator[None]:
    """Let the server answer as it does then: a disk of its own would take a mount."""
    with database.begin() as session:
        session.execute(
            text(
                "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE"
                " EXCEPTION 'could not extend file: No space left on device'"
                " USING ERRCODE = 'disk_full'; END $$"
            )
        )
        for table in ("images", "generations"):
            session.execute(
                text(
                    f"CREATE TRIGGER no_room BEFORE INSERT OR UPDATE ON {table}"
                    " FOR EACH ROW EXECUTE FUNCTION no_room()"
                )
            )
    yield
    with database.begin() as session:
        session.execute(text("DROP FUNCTION no_room CASCADE"))
