"""Finished orders that the member has not been shown yet. SQL is the truth; events only ring."""

from collections.abc import Sequence

from sqlalchemy import case, null, select, update
from sqlalchemy.orm import Session, selectinload

from store import clock
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


def delivered(session: Session, shown: Generation, message_id: int | None) -> bool:
    """Record where the order was shown: a message's id, or None where only /history can.

    `shown` is the row that its card was made of. Return False where `again` was said since: then
    it stays due.
    """
    values = {"message_id": message_id} if message_id else {}
    is_last = Generation.next_delivery_at == shown.next_delivery_at
    written = update(Generation).where(Generation.id == shown.id, Generation.delivered_at.is_(None))
    at = session.scalar(
        written.values(delivered_at=case((is_last, now_ms()), else_=null()), **values)
        .returning(Generation.delivered_at)
        .execution_options(synchronize_session=False)
    )
    return at is not None


def again(session: Session, generation: Generation) -> None:
    """Have the card of a locked order shown anew, if it has ended: it tells something else now."""
    if generation.finished_at is not None:
        generation.delivered_at, generation.delivery_attempts = None, 0
        # Another moment than before, by which whoever is showing it just now hears of it.
        now = clock.now(session)
        generation.next_delivery_at = now + (now == generation.next_delivery_at)
    session.flush()


def postpone(session: Session, generation: Generation) -> bool:
    """Try again later, with growing waits; return False where it is given up."""
    if generation.delivery_attempts + 1 >= MOST_ATTEMPTS:
        delivered(session, generation, None)
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
