"""The lines of the fair share in SQL: lanes, their heads and their virtual times.

A lane is one flow's line for one variant. The account's row is the lock of all lanes of its flow;
`refresh` computes what they show from the images themselves, so that nothing can drift.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    bindparam,
    func,
    literal_column,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import Session

from store.clock import now_ms
from store.database import upsert
from store.host import workers
from store.line import fairness
from store.line.fairness import Head
from store.money.ledger import Flow
from store.tables.lines import Lane
from store.tables.money import Account
from store.tables.orders import Image

MOST_HEADS = 8
"""Heads read per variant: several workers that claim at once take different flows."""

SHOWN = ("head_at", "vtime", "fresh_at", "head_loras")
"""What a lane shows of its images."""

# Literals, not parameters: the small indexes are for exactly these words.
QUEUED: ColumnElement[bool] = Image.status == literal_column("'queued'")
RUNNING: ColumnElement[bool] = Image.status == literal_column("'running'")


@dataclass(frozen=True, slots=True)
class _Line:
    """One lane as it is, and what its images say it should show."""

    id: int
    variant: str
    settled: float
    vtime: float
    head_at: int | None
    fresh_at: int | None
    head_loras: str | None
    first_at: int | None
    first_loras: str | None
    charged: float

    @property
    def shown(self) -> dict[str, Any]:
        """Return what it shows of its images."""
        return {name: getattr(self, name) for name in SHOWN}


def lock(session: Session, flow: Flow) -> None:
    """Hold the flow's lanes until the transaction ends."""
    session.execute(LOCK, _key(flow))


def lock_if_free(session: Session, flow: Flow) -> bool:
    """Hold the flow's lanes, or return False where another transaction does."""
    return session.scalar(LOCK_IF_FREE, _key(flow)) is not None


def wake(session: Session, flow: Flow, variant: str) -> int:
    """Return the flow's lane for `variant`, lifted to the others if it was idle; lock first.

    An idle lane starts where the least of those stands that wait for the same workers, or where
    nobody waits, at the furthest of all: then there is nobody to be ahead of.
    """
    lane = {"guild_id": flow.guild_id, "user_id": flow.user_id, "variant": variant}
    session.execute(upsert(session, Lane).values(lane).on_conflict_do_nothing())
    drawn = _drawn(session)
    shared = fairness.together(variant, drawn)
    lines = _lines(session, flow)
    mine = next(line for line in lines if line.variant == variant)
    if mine.head_at is not None:
        return mine.id
    charged = _charged(lines, variant, drawn)
    own = max(line.settled for line in lines if line.variant in shared)
    level = _level(session, shared)
    settled = fairness.lifted(own, charged, level)
    fresh = own + charged <= level
    _write(
        session,
        mine.id,
        settled=settled,
        vtime=settled + charged,
        fresh_at=now_ms() if fresh else None,
    )
    return mine.id


def refresh(session: Session, flow: Flow, *, served: int | None = None) -> None:
    """Make the flow's lanes show what their images say; lock first.

    `served` is a lane whose image was claimed: its flow is no longer fresh.
    """
    lines = _lines(session, flow)
    drawn = _drawn(session) if len(lines) > 1 else []
    for line in lines:
        values = {
            "head_at": line.first_at,
            "vtime": line.settled + _charged(lines, line.variant, drawn),
            "fresh_at": None if line.id == served or line.first_at is None else line.fresh_at,
            "head_loras": line.first_loras,
        }
        if line.shown != values:
            session.execute(SHOW, {"lane": line.id, **{f"new_{k}": v for k, v in values.items()}})


def give_back(session: Session, flow: Flow, lane_id: int | None) -> None:
    """Let a lane be fresh whose image came back from a lost worker: it has waited since long.

    Without a lane the image ended, and its flow is only brought up to date; lock first.
    """
    if lane_id is not None:
        _write(session, lane_id, fresh_at=select(_first_at(Lane.id)).scalar_subquery())
    refresh(session, flow)


def spend(session: Session, flow: Flow, variant: str, cost: float) -> None:
    """Let virtual time of a flow pass, in each lane that shares workers with `variant`."""
    shared = fairness.together(variant, _drawn(session))
    session.execute(SPEND, {**_key(flow), "variants": list(shared), "cost": cost})


def waits(session: Session, variants: Collection[str]) -> bool:
    """Tell whether an image waits for one of these variants."""
    return session.scalar(A_HEAD, {"variants": list(variants)}) is not None


def heads(
    session: Session,
    variants: Collection[str],
    without: Iterable[int] = (),
    *,
    most: int = MOST_HEADS,
) -> list[Head]:
    """Return the heads among which a worker picks: a few per variant, whatever waits."""
    if not variants:
        return []
    found = session.execute(_heads(tuple(sorted(variants)), most), {"passed": list(without)})
    return list({row[0]: head(row) for row in found}.values())


@lru_cache
def _heads(variants: tuple[str, ...], most: int) -> CompoundSelect[Any]:
    parts = []
    for variant in variants:
        mine = Lane.variant == variant
        passed = Lane.id.not_in(bindparam("passed", expanding=True))
        least = select(*COLUMNS).where(mine, Lane.head_at.is_not(None), passed)
        fresh = least.where(Lane.fresh_at.is_not(None))
        parts += [
            least.order_by(Lane.vtime, Lane.head_at, Lane.id).limit(most),
            fresh.order_by(Lane.fresh_at, Lane.id).limit(1),
        ]
    # SQLite allows a limit in each part of a union only inside of a subquery.
    return union_all(*(select(part.subquery()) for part in parts))


def head(row: Any) -> Head:
    """Return a row of `COLUMNS` as the rules know it."""
    *told, loras = row
    values: list[Any] = [*told, frozenset((loras or "").split())]
    return Head(*values)


COLUMNS = (
    Lane.id,
    Lane.guild_id,
    Lane.user_id,
    Lane.variant,
    Lane.vtime,
    Lane.head_at,
    Lane.fresh_at,
    Lane.head_loras,
)


def _level(session: Session, shared: Collection[str]) -> float:
    least = [
        session.scalar(
            select(func.min(Lane.settled)).where(Lane.variant == variant, Lane.head_at.is_not(None))
        )
        for variant in sorted(shared)
    ]
    waiting = [level for level in least if level is not None]
    if waiting:
        return min(waiting)
    return session.scalar(select(func.max(Lane.settled))) or 0.0


def _lines(session: Session, flow: Flow) -> list[_Line]:
    return [_Line(*row) for row in session.execute(LINES, _key(flow))]


def _first_at(lane_id: Any) -> Any:
    first = select(func.min(Image.created_at)).where(Image.lane_id == lane_id, QUEUED)
    return first.scalar_subquery()


def _first_loras(lane_id: Any) -> Any:
    first = select(Image.loras).where(Image.lane_id == lane_id, QUEUED)
    in_line = first.order_by(Image.created_at, Image.generation_id, Image.index)
    return in_line.limit(1).scalar_subquery()


def _charged(lines: Iterable[_Line], variant: str, drawn: Iterable[Iterable[str]]) -> float:
    shared = fairness.together(variant, drawn)
    return sum(line.charged for line in lines if line.variant in shared)


def _write(session: Session, lane_id: int, **values: Any) -> None:
    session.execute(update(LANES).where(Lane.id == lane_id).values(**values))


def _drawn(session: Session) -> list[list[str]]:
    return workers.seen(session, workers.FORGOTTEN_MS)


def _key(flow: Flow) -> dict[str, int]:
    return {"guild": flow.guild_id, "user": flow.user_id}


# The table, not the class: what the ORM does for an update takes longer than the update.
LANES: Any = Lane.__table__
# Made once: with each of these a claim would spend more on making it than the database takes.
LOCK = (
    select(Account.user_id)
    .where(Account.guild_id == bindparam("guild"), Account.user_id == bindparam("user"))
    .with_for_update()
)
LOCK_IF_FREE = LOCK.with_for_update(skip_locked=True)
A_HEAD = (
    select(Lane.id)
    .where(Lane.variant.in_(bindparam("variants", expanding=True)), Lane.head_at.is_not(None))
    .limit(1)
)
CHARGED = (
    select(func.coalesce(func.sum(Image.charged), 0.0))
    .where(Image.lane_id == Lane.id, RUNNING)
    .scalar_subquery()
)
LINES = (
    select(
        Lane.id,
        Lane.variant,
        Lane.settled,
        Lane.vtime,
        Lane.head_at,
        Lane.fresh_at,
        Lane.head_loras,
        _first_at(Lane.id),
        _first_loras(Lane.id),
        CHARGED,
    )
    .where(Lane.guild_id == bindparam("guild"), Lane.user_id == bindparam("user"))
    .order_by(Lane.id)
)
SHOW = (
    update(LANES)
    .where(Lane.id == bindparam("lane"))
    .values({name: bindparam(f"new_{name}") for name in SHOWN})
)
SPEND = (
    update(LANES)
    .where(
        Lane.guild_id == bindparam("guild"),
        Lane.user_id == bindparam("user"),
        Lane.variant.in_(bindparam("variants", expanding=True)),
    )
    .values(settled=Lane.settled + bindparam("cost"))
)
