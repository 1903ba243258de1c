"""Finished orders that the member has not been shown yet. SQL is the truth; events only ring."""

from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session, selectinload

from store.clock import now_ms
from store.tables.orders import Generation

MOST_ATTEMPTS = 300
"""With the waits below about a day; after that the order waits in /history."""
LONGEST_WAIT_MS = 5 * 60_000


def due(session: Session, *, limit: int = 20) -> Sequence[Generation]:
    """Return finished orders to deliver now, oldest first, with their images."""
    return session.scalars(
        select(Generation)
        .where(
            Generation.delivered_at.is_(None),
            Generation.finished_at.is_not(None),
            Generation.deleted_at.is_(None),
            Generation.next_delivery_at <= now_ms(),
        )
        .order_by(Generation.finished_at)
        .limit(limit)
        .options(selectinload(Generation.images))
    ).all()


def delivered(session: Session, generation_id: str, message_id: int | None) -> None:
    """Record where the order was shown: a message's id, or None where only /history can."""
    values = {"message_id": message_id} if message_id else {}
    session.execute(
        update(Generation)
        .where(Generation.id == generation_id, Generation.delivered_at.is_(None))
        .values(delivered_at=now_ms(), **values)
    )


def postpone(session: Session, generation: Generation) -> bool:
    """Try again later, with growing waits; return False where it is given up."""
    if generation.delivery_attempts + 1 >= MOST_ATTEMPTS:
        delivered(session, generation.id, None)
        return False
    wait_ms = min(2_000 * 2 ** min(generation.delivery_attempts, 10), LONGEST_WAIT_MS)
    session.execute(
        update(Generation)
        .where(Generation.id == generation.id)
        .values(
            delivery_attempts=generation.delivery_attempts + 1,
            next_delivery_at=now_ms() + wait_ms,
        )
    )
    return True
