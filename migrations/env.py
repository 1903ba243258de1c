"""Runs migrations on the database that store.migrate names."""

from alembic import context
from sqlalchemy import Connection, text

from store.database import Database
from store.tables.every import METADATA

LOCK_TIMEOUT_MS = 5_000
"""A migration that waits for a table longer than this gives up: old processes must go on."""
ADVISORY_LOCK = 0x5EED
"""One migration at a time, whoever starts it."""


def run(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


database = Database(context.config.attributes["url"])
with database.begin() as session:
    run(session.connection())
database.close()
