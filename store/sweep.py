"""Repairs what a death left behind; any process may run it at any time, several at once.

It gives back images whose worker is gone, puts those in line that an older version left out, names
the variants whose tickets may be lost, ends orders that nobody will draw, takes back trainings of
lost processes, empties the log of copies without a visible label, and names whose files are to go:
deleted orders, ended trainings, pictures that no moderator has looked at in time. It never waits
for a lock: what another transaction holds is left to the next sweep.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, literal_column, or_, select, update
from sqlalchemy.orm import Session

from store.choices import labelling
from store.clock import now_ms
from store.line import claims, endings, flows, hopeless
from store.line.errors import WorkerCrashed
from store.moderation import reviews
from store.moderation.reviews import Overdue
from store.money.ledger import Flow
from store.orders import erasing, generations
from store.tables.lines import Lane
from store.tables.orders import Generation, Image
from store.training import claims as training_claims
from store.training import leftover

TICKET_MS = 5_000
"""An image that waits this long may have lost its ticket."""
PATIENCE_MS = 15 * 60_000
"""How long an order waits while nobody draws its variant."""
MOST = 100
"""Orders that one sweep gives up or purges at the most: its transaction must stay short."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found: `variants` that need a ticket, orders it `finished`, orders to purge.

    `trained` are the LoRAs of trainings to purge, `overdue` pictures to refuse. What is to be
    purged or refused is found again until whoever can remove files has done so.
    """

    variants: frozenset[str]
    finished: frozenset[str]
    unpurged: tuple[str, ...]
    overdue: tuple[Overdue, ...] = ()
    trained: tuple[str, ...] = ()


def sweep(session: Session, *, watched_ms: int, patience_ms: int = PATIENCE_MS) -> Swept:
    """Repair everything that is due now.

    `watched_ms` is how long the calling process has been sweeping: one that has just started
    cannot know whether workers were there a moment ago, and gives nothing up.
    """
    # No claim writes a running image without a lease; nobody would ever take it back.
    lapsed = or_(Image.lease_until < now_ms(), Image.lease_until.is_(None))
    finished = _take_back(session, lapsed)
    training_claims.sweep(session)  # there may be no other process that trains
    _put_in_lanes(session)
    labelling.forget_old(session)
    erasing.sweep(session)
    if watched_ms >= patience_ms:
        finished |= hopeless.end(session, patience_ms)
    return Swept(
        _waiting_variants(session),
        frozenset(finished),
        _unpurged(session),
        reviews.overdue(session),
        leftover.trained(session),
    )


def reclaim(session: Session, worker: str) -> frozenset[str]:
    """Take back what `worker`'s former life held; return the orders that this finished.

    At each worker's start, orders are closed too that are open without an image left to draw: no
    version of ours leaves one so, but its member would wait for ever.
    """
    return frozenset(_take_back(session, Image.worker == worker) | _close_ended(session))


def holds(session: Session, what: str) -> bool:
    """Tell whether a picture is being drawn of the order, or by the worker, of this name."""
    named = or_(Image.generation_id == what, Image.worker == what)
    running = select(Image.index).where(Image.status == "running", named)
    return session.scalar(running.limit(1)) is not None


def requeue(session: Session, generation_id: str) -> frozenset[str]:
    """Take an order's pictures from the workers that hold them; return the order if it ends."""
    return frozenset(_take_back(session, Image.generation_id == generation_id))


def _close_ended(session: Session) -> set[str]:
    left = exists().where(
        Image.generation_id == Generation.id, Image.status.in_(("queued", "running"))
    )
    ended = select(Generation.id).where(Generation.status == literal_column("'open'"), ~left)
    finished = set()
    for generation_id in session.scalars(ended.limit(MOST)).all():
        generation = generations.lock_if_free(session, generation_id)
        if generation and generations.close_if_finished(session, generation):
            finished.add(generation_id)
    return finished


def _take_back(session: Session, gone: ColumnElement[bool]) -> set[str]:
    held = (
        select(Image.generation_id, Image.index, Image.fence, Image.attempts, Image.lane_id)
        .where(Image.status == "running", gone)
        .order_by(Image.lease_until)  # by an order's number, SQLite would read all there ever were
        .limit(MOST)
    )
    finished = set()
    found = sorted(session.execute(held).all(), key=lambda row: row[:2])  # as all sweepers lock
    for generation_id, index, fence, attempts, lane_id in found:
        if (generation := generations.lock_if_free(session, generation_id)) is None:
            continue
        fate = _fate(generation, attempts)
        session.execute(
            update(Image)
            .where(
                Image.generation_id == generation_id,
                Image.index == index,
                Image.fence == fence,
                Image.status == "running",
                gone,
            )
            .values(**fate)
            .execution_options(synchronize_session=False)
        )
        returned = lane_id if fate["status"] == "queued" else None
        flows.give_back(session, generations.flow_of(generation), returned)
        if generations.close_if_finished(session, generation):
            finished.add(generation_id)
    return finished


def _put_in_lanes(session: Session) -> None:
    """Give a lane to waiting images without one, which a process of an older version queued."""
    laneless = (
        select(Image.generation_id, Image.variant)
        .where(Image.lane_id.is_(None), flows.QUEUED)
        .order_by(Image.created_at)
        .limit(MOST)
    )
    orders = dict(session.execute(laneless).all())
    for generation_id, variant in orders.items():
        if (generation := generations.lock_if_free(session, generation_id)) is None:
            continue
        flow = generations.flow_of(generation)
        lane_id = flows.wake(session, flow, variant)
        session.execute(
            update(Image)
            .where(Image.generation_id == generation_id, Image.lane_id.is_(None))
            .values(lane_id=lane_id)
            .execution_options(synchronize_session=False)
        )
        flows.refresh(session, flow)
    for flow in _hidden(session):
        if flows.lock_if_free(session, flow):
            flows.refresh(session, flow)


def _hidden(session: Session) -> list[Flow]:
    """Return flows whose oldest images wait in a lane that shows none: an older version's work."""
    oldest = (
        select(Image.lane_id)
        .where(flows.QUEUED)
        .order_by(Image.created_at, Image.generation_id, Image.index)
        .limit(MOST)
        .subquery()
    )
    shown_empty = (
        select(Lane.guild_id, Lane.user_id)
        .where(Lane.id.in_(select(oldest.c.lane_id)), Lane.head_at.is_(None))
        .distinct()
    )
    return [Flow(*row) for row in session.execute(shown_empty)]


def _fate(generation: Generation, attempts: int) -> dict[str, object]:
    if generation.cancel_requested:
        return {"status": "cancelled", "finished_at": now_ms(), "lease_until": None}
    if attempts >= claims.MOST_ATTEMPTS:
        ended = {"finished_at": now_ms(), "lease_until": None}
        return {"status": "failed", "error": endings.as_json(WorkerCrashed()), **ended}
    return {"status": "queued", "lease_until": None}


def _waiting_variants(session: Session) -> frozenset[str]:
    overdue = select(Image.variant).where(
        Image.status == "queued", Image.created_at < now_ms() - TICKET_MS
    )
    # Not DISTINCT in SQL: for that SQLite leaves the small index and reads the whole table.
    return frozenset(session.scalars(overdue.limit(10_000)))


def _unpurged(session: Session) -> tuple[str, ...]:
    deleted = select(Generation.id).where(
        Generation.deleted_at.is_not(None),
        Generation.purged_at.is_(None),
        Generation.status != "open",
    )
    return tuple(session.scalars(deleted.limit(MOST)))
