"""Which workers are alive and what they draw, by their own reports."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.clock import now_ms
from store.tables import Worker

SILENT_MS = 30_000
"""A worker reports every few seconds; one silent for this long is gone."""


def report(session: Session, name: str, variants: Sequence[str]) -> None:
    """Say that worker `name` is alive and draws `variants`."""
    session.merge(Worker(name=name, variants={"names": list(variants)}))
    session.flush()
    worker = session.get_one(Worker, name)
    worker.seen_at = session.scalar(select(now_ms())) or 0


def leave(session: Session, name: str) -> None:
    """Say that worker `name` has shut down."""
    if (worker := session.get(Worker, name)) is not None:
        session.delete(worker)


def serving(session: Session) -> set[str]:
    """Return the variants that some live worker draws."""
    alive = select(Worker.variants).where(Worker.seen_at > now_ms() - SILENT_MS)
    return {name for variants in session.scalars(alive) for name in variants["names"]}
