"""Copies of a SQLite database, taken while it is in use."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import make_url

PAGES = 1_000
"""Copied at a time, so that it can be interrupted."""


class CannotBackUp(Exception):
    """There is nothing here to copy in this way; the text says what to do."""


def backup(url: str, target: Path) -> int:
    """Copy the database into a new file, whole and consistent; return its bytes."""
    source = make_url(url)
    if source.get_backend_name() != "sqlite":
        raise CannotBackUp("This is for SQLite. For PostgreSQL use pg_dump: docs/hosting.md.")
    if not source.database or not Path(source.database).is_file():
        raise CannotBackUp(f"There is no database at {source.database}.")
    if target.exists():
        raise CannotBackUp(f"{target} is there already; choose another name.")
    with closing(sqlite3.connect(source.database)) as live, closing(sqlite3.connect(target)) as to:
        # Of one moment, however long it takes: else SQLite begins anew with each write of others.
        live.execute("BEGIN")
        live.execute("SELECT count(*) FROM sqlite_master").fetchone()
        live.backup(to, pages=PAGES)
        (verdict,) = to.execute("PRAGMA integrity_check").fetchone()
        if verdict != "ok":
            raise CannotBackUp(f"{source.database} is damaged: {verdict}")
    return target.stat().st_size
