"""What SQL knows of the line around one order, for the forecast of its wait."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store import clock
from store.host import controls, workers
from store.line import fairness, flows, paces, seats
from store.line.fairness import Head
from store.line.forecast import Line, Scene, Wait, forecast
from store.line.paces import Paces
from store.tables.lines import Lane
from store.tables.orders import Generation, Image

MOST_LANES = 50
"""Lanes looked at per variant: with more before it an order waits for long in any case."""
Kinds = list[tuple[float, float, int]]
"""Waiting pictures of one lane: seconds, weight and number of each kind."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """The order that asks, as its last picture knows it: they may be a millisecond apart."""

    generation_id: str
    lane_id: int
    variant: str
    created_at: int


def estimate(session: Session, generation_id: str) -> Wait:
    """Return how long an order waits from now; place 0 if none of its pictures waits."""
    asked = _asked(session, generation_id)
    if asked is None:
        return Wait(0, None)
    drawn = workers.seen(session, workers.SILENT_MS)
    shared = fairness.together(asked.variant, drawn)
    known = paces.expected(session, shared)
    heads = _heads(session, asked, shared)
    kinds = _kinds(session, asked, heads, known)
    if asked.lane_id not in kinds:  # begun since: who writes too may see another state each time
        return Wait(0, None)
    mine = Line.of(heads.pop(asked.lane_id), kinds[asked.lane_id])
    now = clock.now(session)
    scene = Scene(
        mine=mine,
        earlier=_earlier(session, asked),
        others=[Line.of(head, kinds[key]) for key, head in heads.items() if key in kinds],
        seats=seats.of(session, asked.variant, known, now),
        loading={variant: pace.loading for variant, pace in known.items()},
        now_ms=now,
    )
    wait = forecast(scene)
    told = known[asked.variant].known and not controls.is_paused(session)
    return wait if told else Wait(wait.place, None)


def still(session: Session, generation_id: str) -> Wait | None:
    """Return how long an order waits from now; None once one of its pictures was begun."""
    begun = select(Image.index).where(Image.generation_id == generation_id, Image.fence > 0)
    if session.scalar(begun.limit(1)) is not None or _asked(session, generation_id) is None:
        return None
    return estimate(session, generation_id)


def _asked(session: Session, generation_id: str) -> _Asked | None:
    last = session.execute(
        select(Image.generation_id, Image.lane_id, Lane.variant, Image.created_at)
        .join(Lane, Lane.id == Image.lane_id)
        .where(Image.generation_id == generation_id, flows.QUEUED, Lane.head_at.is_not(None))
        .order_by(Image.created_at.desc())
        .limit(1)
    ).first()
    if last is None or last.lane_id is None:
        return None
    return _Asked(last.generation_id, last.lane_id, last.variant, last.created_at)


def _heads(session: Session, asked: _Asked, shared: Collection[str]) -> dict[int, Head]:
    """Return the heads of lanes that wait for the same workers, and of its own."""
    heads = flows.heads(session, shared, most=MOST_LANES)
    own: Any = session.execute(select(*flows.COLUMNS).where(Lane.id == asked.lane_id)).one()
    return {head.lane_id: head for head in (*heads, flows.head(own))}


def _kinds(
    session: Session, asked: _Asked, lane_ids: Collection[int], known: Mapping[str, Paces]
) -> dict[int, Kinds]:
    rows = session.execute(
        select(Image.lane_id, Image.variant, Image.effort, Generation.weight, func.count())
        .join(Generation)
        .where(
            Image.lane_id.in_(lane_ids),
            flows.QUEUED,
            # Of its own line nothing that was ordered later.
            (Image.lane_id != asked.lane_id) | (Image.created_at <= asked.created_at),
        )
        .group_by(Image.lane_id, Image.variant, Image.effort, Generation.weight)
    )
    kinds: dict[int, Kinds] = {}
    for lane_id, variant, effort, weight, count in rows:
        seconds = known[variant].charge(effort)
        kinds.setdefault(lane_id or 0, []).append((seconds, weight, count))
    return kinds


def _earlier(session: Session, asked: _Asked) -> int:
    earlier = select(func.count()).where(
        Image.lane_id == asked.lane_id,
        flows.QUEUED,
        Image.created_at <= asked.created_at,
        Image.generation_id != asked.generation_id,
    )
    return session.scalar(earlier) or 0
