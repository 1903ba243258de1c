"""What a member asks of the line: their own open orders, how many wait, and who draws."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from store.host import controls, workers
from store.line import flows, waiting
from store.line.forecast import Wait
from store.money.ledger import Flow
from store.tables.orders import Generation, Image

MOST_SHOWN = 5
"""Each forecast plays the line, and each order is a section of a card."""


@dataclass(frozen=True, slots=True)
class Open:
    """An order that has not ended, and how long it will wait; `drawing` once it has begun."""

    generation: Generation
    wait: Wait
    drawing: bool


@dataclass(frozen=True, slots=True)
class Queue:
    """The member's oldest open orders of `count`, pictures that wait and workers, by variant."""

    orders: Sequence[Open]
    count: int
    waiting: Mapping[str, int]
    workers: Mapping[str, int]
    machines: int
    paused: bool


def read(session: Session, flow: Flow) -> Queue:
    """Return the line as it is now."""
    mine = (
        Generation.guild_id == flow.guild_id,
        Generation.user_id == flow.user_id,
        Generation.status == "open",
        Generation.deleted_at.is_(None),
        Generation.cancel_requested.is_(False),
    )
    orders = session.scalars(
        select(Generation)
        .where(*mine)
        .order_by(Generation.created_at, Generation.id)
        .limit(MOST_SHOWN)
        .options(selectinload(Generation.images))
    )
    waits = select(Image.variant, func.count()).where(flows.QUEUED).group_by(Image.variant)
    drawn = workers.seen(session, workers.SILENT_MS)
    return Queue(
        orders=[_open(session, one) for one in orders],
        count=session.scalar(select(func.count()).select_from(Generation).where(*mine)) or 0,
        waiting={row[0]: row[1] for row in session.execute(waits)},
        workers=Counter(name for names in drawn for name in set(names)),
        machines=sum(any(map(workers.draws, names)) for names in drawn),
        paused=controls.is_paused(session),
    )


def _open(session: Session, generation: Generation) -> Open:
    drawing = any(image.status != "queued" for image in generation.images)
    return Open(generation, waiting.estimate(session, generation.id), drawing)
