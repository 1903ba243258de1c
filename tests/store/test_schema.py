"""Tables that are older or newer than the program."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from store import migrate, schema
from store.database import Database
from store.schema import SchemaOld, State


def at(database: Database, revision: str) -> None:
    with database.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": revision})


def found(database: Database) -> State:
    with database.begin() as session:
        return schema.read(session).state


def test_migrated_tables_are_current_and_required(database: Database) -> None:
    assert found(database) is State.CURRENT
    schema.require(database)


def test_older_tables_are_refused_with_what_to_run(database: Database) -> None:
    at(database, "0002")
    assert found(database) is State.OLD
    with pytest.raises(SchemaOld, match="python -m store upgrade"):
        schema.require(database)


def test_newer_tables_are_no_obstacle(database: Database) -> None:
    at(database, "9999")
    assert found(database) is State.NEWER
    schema.require(database)


def test_a_database_without_tables_is_refused(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/new.db")
    with pytest.raises(SchemaOld, match="not there yet"):
        schema.require(database)
    database.close()


def upgraded(url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "store", "upgrade"],
        env={"REROLL_DATABASE_URL": url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_upgrade_brings_old_tables_along_and_leaves_newer_ones(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/old.db"
    command.upgrade(migrate.config(url), "0003")
    database = Database(url)
    assert found(database) is State.OLD
    assert upgraded(url).returncode == 0
    assert found(database) is State.CURRENT
    at(database, "9999")
    again = upgraded(url)
    assert again.returncode == 0, again.stderr
    assert "of a newer version (9999" in again.stdout
    assert found(database) is State.NEWER
    database.close()
