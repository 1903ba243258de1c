"""How far the database's tables are: as this version knows them, older, or of a newer version."""

from dataclasses import dataclass
from enum import StrEnum

import structlog
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.orm import Session

from store.database import Database
from store.host import migrate

log = structlog.get_logger()


class SchemaOld(Exception):
    """The tables are older than this version needs; nothing can be read or written safely."""


class State(StrEnum):
    """What the tables are to this version."""

    CURRENT = "current"
    EMPTY = "empty"
    OLD = "old"
    NEWER = "newer"


@dataclass(frozen=True, slots=True)
class Schema:
    """The revision that was `found`, empty where there is none, and the last one that is `known`.

    A newer one is no obstacle: migrations only ever add what the version before can leave alone.
    """

    found: str
    known: str
    state: State


def read(session: Session) -> Schema:
    """Return how far the tables are."""
    context = MigrationContext.configure(session.connection())
    scripts = ScriptDirectory.from_config(migrate.config(""))
    found, known = context.get_current_revision() or "", scripts.get_current_head() or ""
    revisions = {script.revision for script in scripts.walk_revisions()}
    return Schema(found, known, _state(found, known, found in revisions))


def require(database: Database) -> None:
    """Raise SchemaOld unless this version can work with the tables; StoreUnavailable without."""
    with database.begin() as session:
        schema = read(session)
    if schema.state in (State.OLD, State.EMPTY):
        there = f"at {schema.found}" if schema.found else "not there yet"
        raise SchemaOld(
            f"REROLL_DATABASE_URL: the tables are {there}, this version needs {schema.known}. "
            "Run `python -m store upgrade`."
        )
    if schema.state is State.NEWER:
        log.warning("the tables are of a newer version", found=schema.found, known=schema.known)


def _state(found: str, known: str, is_ours: bool) -> State:
    if not found:
        return State.EMPTY
    if not is_ours:
        return State.NEWER
    return State.CURRENT if found == known else State.OLD
