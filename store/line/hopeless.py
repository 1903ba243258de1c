"""Orders that nobody will draw: their variant has no worker, or nothing moves at all."""

from collections.abc import Collection, Iterable

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from engine.errors import RerollError
from store.clock import now_ms
from store.host import controls, workers
from store.line import endings, flows
from store.line.errors import Stuck, WorkerMissing
from store.orders import generations
from store.tables.orders import Image

MOST = 100
"""Images looked at together: the transaction must stay short."""


def end(session: Session, patience_ms: int) -> set[str]:
    """Give up and refund what has waited for so long while nobody drew it; return the orders.

    Nothing while the host lets orders wait, nor for as long again after that.
    """
    if controls.was_paused(session, patience_ms):
        return set()
    hopeless: dict[str, RerollError] = {}
    moving: set[str] = set()
    # A long line that moves must not hide those behind it that do not.
    while found := _overdue(session, patience_ms, moving):
        for variant in set(found.values()) - hopeless.keys():
            drawn = _shared(session, variant, patience_ms)
            if drawn and _moves(session, drawn, patience_ms):
                moving.add(variant)
            else:
                hopeless[variant] = Stuck() if drawn else WorkerMissing(variant=variant)
        if not moving.intersection(found.values()):
            return {one for one in sorted(found) if _give_up(session, one, hopeless[found[one]])}
    return set()


def _overdue(session: Session, patience_ms: int, without: Collection[str]) -> dict[str, str]:
    """Return the variants of orders that have waited for so long, by order; the oldest ones."""
    waiting = (
        select(Image.generation_id, Image.variant)
        .where(
            Image.status == "queued",
            Image.created_at < now_ms() - patience_ms,
            Image.variant.not_in(list(without)),
        )
        .order_by(Image.created_at)
        .limit(MOST)
    )
    return dict(session.execute(waiting).all())


def _shared(session: Session, variant: str, patience_ms: int) -> set[str]:
    """Return all that the workers draw that drew `variant` lately; empty where there was none."""
    lately = workers.seen(session, patience_ms)
    return {name for variants in lately if variant in variants for name in variants}


def _moves(session: Session, variants: Iterable[str], patience_ms: int) -> bool:
    """Tell whether anything of `variants` is being drawn or was within the patience."""
    mine = Image.variant.in_(list(variants))
    running = exists().where(Image.status == "running", mine)
    # What was cancelled while it waited has moved nothing.
    begun = Image.started_at.is_not(None)
    ended = exists().where(Image.finished_at > now_ms() - patience_ms, begun, mine)
    return bool(session.scalar(select(running)) or session.scalar(select(ended)))


def _give_up(session: Session, generation_id: str, error: RerollError) -> bool:
    if (generation := generations.lock_if_free(session, generation_id)) is None:
        return False
    session.execute(
        update(Image)
        .where(Image.generation_id == generation_id, Image.status == "queued")
        .values(status="failed", error=endings.as_json(error), finished_at=now_ms())
        .execution_options(synchronize_session=False)
    )
    flows.refresh(session, generations.flow_of(generation))
    return generations.close_if_finished(session, generation)
