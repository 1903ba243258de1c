"""Repairs what a death left behind; any process may run it at any time, several at once.

It gives back images whose worker is gone, names the variants whose tickets may be lost, and ends
orders that nobody will draw.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, or_, select, update
from sqlalchemy.orm import Session

from engine.errors import RerollError
from store import claims, generations, workers
from store.clock import now_ms
from store.errors import Stuck, WorkerCrashed, WorkerMissing
from store.tables import Generation, Image

TICKET_MS = 5_000
"""An image that waits this long may have lost its ticket."""
PATIENCE_MS = 15 * 60_000
"""How long an order waits while nobody draws its variant."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did: `variants` that need a ticket, orders `finished` (failed, refunded)."""

    variants: frozenset[str]
    finished: frozenset[str]


def sweep(session: Session, *, patience_ms: int = PATIENCE_MS) -> Swept:
    """Repair everything that is due now."""
    finished = _take_back(session, Image.lease_until < now_ms())
    finished |= _end_hopeless(session, patience_ms)
    return Swept(_lost_tickets(session), frozenset(finished))


def reclaim(session: Session, worker: str) -> frozenset[str]:
    """Take back what `worker`'s former life held; return the orders that this finished."""
    return frozenset(_take_back(session, Image.worker == worker))


def _take_back(session: Session, gone: ColumnElement[bool]) -> set[str]:
    held = select(Image.generation_id, Image.index, Image.fence, Image.attempts).where(
        Image.status == "running", gone
    )
    finished = set()
    for generation_id, index, fence, attempts in session.execute(held).all():
        generation = generations.lock(session, generation_id)
        session.execute(
            update(Image)
            .where(
                Image.generation_id == generation_id,
                Image.index == index,
                Image.fence == fence,
                Image.status == "running",
                gone,
            )
            .values(**_fate(generation, attempts))
            .execution_options(synchronize_session=False)
        )
        if generations.close_if_finished(session, generation):
            finished.add(generation_id)
    return finished


def _fate(generation: Generation, attempts: int) -> dict[str, object]:
    if generation.cancel_requested:
        return {"status": "cancelled", "finished_at": now_ms()}
    if attempts >= claims.MOST_ATTEMPTS:
        crashed = claims.as_json(WorkerCrashed())
        return {"status": "failed", "error": crashed, "finished_at": now_ms()}
    return {"status": "queued", "lease_until": None, "ticket_at": 0}


def _end_hopeless(session: Session, patience_ms: int) -> set[str]:
    waiting = select(Image.generation_id, Image.variant).where(
        Image.status == "queued", Image.created_at < now_ms() - patience_ms
    )
    rows = session.execute(waiting.distinct()).all()
    if not rows:
        return set()
    served = workers.serving(session)
    stuck = not session.scalar(select(_anything_moved(patience_ms)))
    finished = set()
    for generation_id, variant in rows:
        error = WorkerMissing(variant=variant) if variant not in served else Stuck()
        if (variant not in served or stuck) and _give_up(session, generation_id, error):
            finished.add(generation_id)
    return finished


def _anything_moved(patience_ms: int) -> ColumnElement[bool]:
    return exists().where(
        or_(
            Image.status == "running",
            Image.finished_at > now_ms() - patience_ms,
        )
    )


def _give_up(session: Session, generation_id: str, error: RerollError) -> bool:
    generation = generations.lock(session, generation_id)
    session.execute(
        update(Image)
        .where(Image.generation_id == generation_id, Image.status == "queued")
        .values(status="failed", error=claims.as_json(error), finished_at=now_ms())
        .execution_options(synchronize_session=False)
    )
    return generations.close_if_finished(session, generation)


def _lost_tickets(session: Session) -> frozenset[str]:
    overdue = (
        update(Image)
        .where(Image.status == "queued", Image.ticket_at < now_ms() - TICKET_MS)
        .values(ticket_at=now_ms())
        .returning(Image.variant)
        .execution_options(synchronize_session=False)
    )
    return frozenset(session.scalars(overdue))
