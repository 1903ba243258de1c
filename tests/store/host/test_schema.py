"""Tables that are older or newer than the program."""

import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from alembic import command
from sqlalchemy import text

from store.__main__ import main
from store.database import Database
from store.host import migrate, schema
from store.host.schema import SchemaOld, State


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


def test_an_upgrade_waits_a_little_for_a_lock_and_then_changes_nothing(
    postgresql_server: str,
) -> None:
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE locked")
    url = f"{postgresql_server.rpartition('/')[0]}/locked"
    try:
        command.upgrade(migrate.config(url), "0008")
        with psycopg.connect(url) as other:
            other.execute("LOCK TABLE images IN ACCESS SHARE MODE")  # as any reader does
            started = time.monotonic()
            ended = upgraded(url)
            assert time.monotonic() - started < 40
        assert ended.returncode == 1
        assert "Nothing was changed; try again." in ended.stderr
        assert "Traceback" not in ended.stderr
        database = Database(url)
        with database.begin() as session:
            assert schema.read(session).found == "0008"
        assert upgraded(url).returncode == 0
        assert found(database) is State.CURRENT
        database.close()
    finally:
        with psycopg.connect(postgresql_server, autocommit=True) as connection:
            connection.execute("DROP DATABASE locked WITH (FORCE)")


def test_without_an_address_it_ends_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REROLL_DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["store", "upgrade"])
    with pytest.raises(SystemExit, match="REROLL_DATABASE_URL is not set"):
        main()
