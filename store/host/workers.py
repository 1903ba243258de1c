"""Which workers are alive and what they draw, by their own reports."""

from collections.abc import Mapping, Sequence, Set
from typing import Any

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.orm import Session

from store.clock import now_ms
from store.database import upsert
from store.tables.lines import Worker
from store.tables.orders import Image

SILENT_MS = 30_000
"""A worker reports every few seconds; one silent for this long is gone."""
FORGOTTEN_MS = 24 * 3600_000
TRAINS = "training."
"""Before a base's name, among what a process reports: it trains LoRAs and draws nothing."""


Means = Mapping[str, Any]
"""What a recipe names beside its request: digests, device class, versions and the like."""
Rows = Mapping[str, Any]
"""How many pictures of a variant share a forward, and what a row costs, by size."""
IN_HAND = (
    select(Image.worker, Image.variant, func.count())
    .where(Image.status == "running", Image.worker != bindparam("worker"))
    .group_by(Image.worker, Image.variant)
)
LIVE = select(Worker.name, Worker.variants).where(
    Worker.name != bindparam("worker"), Worker.seen_at > now_ms() - SILENT_MS
)
RECENT = select(Worker.variants).where(Worker.seen_at > now_ms() - bindparam("within"))


def report(
    session: Session,
    name: str,
    variants: Sequence[str],
    means: Mapping[str, Means] | None = None,
    rows: Mapping[str, Rows] | None = None,
) -> None:
    """Say that worker `name` is alive and draws `variants`, and by what means those it loaded.

    `rows` are what it has measured of them.
    """
    _write(session, name, {"names": list(variants), "means": means or {}, "rows": rows or {}})
    session.execute(delete(Worker).where(Worker.seen_at < now_ms() - FORGOTTEN_MS))


def leave(session: Session, name: str, variants: Sequence[str]) -> None:
    """Say that worker `name` has shut down; orders may still wait for its return."""
    _write(session, name, {"names": list(variants)}, silent_ms=SILENT_MS)


def trainer(base: str) -> str:
    """Return what a process that trains a base's LoRAs reports, and is sent tickets for."""
    return TRAINS + base


def draws(name: str) -> bool:
    """Tell whether what a worker reported is a variant that it draws, no base that it trains."""
    return not name.startswith(TRAINS)


def serving(session: Session) -> set[str]:
    """Return the variants that some live worker draws."""
    return {name for variants in seen(session, SILENT_MS) for name in variants}


def means(session: Session, variant: str) -> list[Means]:
    """Return by what means each live worker draws a variant: nothing where it has not loaded it."""
    told = [each for each in _recent(session, SILENT_MS) if variant in each["names"]]
    return [each.get("means", {}).get(variant, {}) for each in told]


def rows(session: Session, name: str) -> Mapping[str, Rows]:
    """Return what worker `name` has measured, by variant; nothing of one that is gone."""
    alive = Worker.seen_at > now_ms() - SILENT_MS
    told = session.scalar(select(Worker.variants).where(alive, Worker.name == name)) or {}
    found: Mapping[str, Rows] = told.get("rows", {})
    return found


def hands_beside(session: Session, name: str, variants: Set[str]) -> list[int]:
    """Return how much each other live worker holds that has one of the variants loaded.

    Who holds anything else than these variants' pictures is left out.
    """
    held: dict[str, dict[str, int]] = {}
    for worker, variant, count in session.execute(IN_HAND, {"worker": name}):
        held.setdefault(str(worker), {})[variant] = count
    return [
        sum(held.get(other, {}).values())
        for other, told in session.execute(LIVE, {"worker": name})
        if not variants.isdisjoint(told.get("means", {})) and variants >= held.get(other, {}).keys()
    ]


def seen(session: Session, within_ms: int) -> list[list[str]]:
    """Return what each worker draws that was alive within the last `within_ms`."""
    return [list(each["names"]) for each in _recent(session, within_ms)]


def _recent(session: Session, within_ms: int) -> list[dict[str, Any]]:
    return list(session.scalars(RECENT, {"within": within_ms}))


def _write(session: Session, name: str, told: Mapping[str, Any], *, silent_ms: int = 0) -> None:
    values = {"variants": told, "seen_at": now_ms() - silent_ms}
    written = upsert(session, Worker).values(name=name, **values)
    session.execute(written.on_conflict_do_update(index_elements=["name"], set_=values))
