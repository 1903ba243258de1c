"""Which workers are alive and what they draw, by their own reports."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from store.clock import now_ms
from store.database import upsert
from store.tables import Worker

SILENT_MS = 30_000
"""A worker reports every few seconds; one silent for this long is gone."""
FORGOTTEN_MS = 24 * 3600_000


def report(session: Session, name: str, variants: Sequence[str]) -> None:
    """Say that worker `name` is alive and draws `variants`."""
    _write(session, name, variants, silent_ms=0)
    session.execute(delete(Worker).where(Worker.seen_at < now_ms() - FORGOTTEN_MS))


def leave(session: Session, name: str, variants: Sequence[str]) -> None:
    """Say that worker `name` has shut down; orders may still wait for its return."""
    _write(session, name, variants, silent_ms=SILENT_MS)


def serving(session: Session) -> set[str]:
    """Return the variants that some live worker draws."""
    return {name for variants in seen(session, SILENT_MS) for name in variants}


def seen(session: Session, within_ms: int) -> list[list[str]]:
    """Return what each worker draws that was alive within the last `within_ms`."""
    recent = select(Worker.variants).where(Worker.seen_at > now_ms() - within_ms)
    return [list(variants["names"]) for variants in session.scalars(recent)]


def _write(session: Session, name: str, variants: Sequence[str], *, silent_ms: int) -> None:
    values = {"variants": {"names": list(variants)}, "seen_at": now_ms() - silent_ms}
    written = upsert(session, Worker).values(name=name, **values)
    session.execute(written.on_conflict_do_update(index_elements=["name"], set_=values))
