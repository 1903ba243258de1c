"""How everything goes, for the host: the line, who draws, what was drawn lately, what is switched.

Read from small indexes only, so that asking every few seconds costs nothing to speak of.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from store import clock
from store.clock import now_ms
from store.host import controls
from store.host.controls import Controls
from store.host.workers import SILENT_MS
from store.line import flows
from store.tables.host import Ban
from store.tables.lines import Worker
from store.tables.money import MoneyEntry
from store.tables.orders import UNDELIVERED, Generation, Image

RECENT_MS = 5 * 60_000
MOST_RECENT = 5_000
MOST_MONEY = 10_000
MOST_BANNED = 10
DAY_MS = 24 * 3600_000
MICROS = 1_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """The pictures of one variant that wait or are drawn; seconds that the oldest has waited."""

    waiting: int = 0
    oldest_s: float = 0.0
    drawing: int = 0


@dataclass(frozen=True, slots=True)
class Recent:
    """Pictures of one variant that ended in one way lately, what they took and had waited."""

    count: int
    seconds: float
    waits: Sequence[float]

    def wait(self, share: float) -> float:
        """Return the wait that this share of the pictures did not exceed."""
        ordered = sorted(self.waits)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


@dataclass(frozen=True, slots=True)
class Overview:
    """All of it, at one moment; `recent` by variant and how the pictures ended.

    `banned` are the last members that the host has banned, with the note on why.
    """

    controls: Controls
    lines: Mapping[str, Line]
    recent: Mapping[tuple[str, str], Recent]
    workers: Mapping[str, Sequence[str]]
    undelivered: int
    vendor_usd: float
    banned: Mapping[int, str]


def read(session: Session) -> Overview:
    """Return how everything goes now."""
    now = clock.now(session)
    return Overview(
        controls=controls.read(session),
        lines=_lines(session, now),
        recent=_recent(session, now),
        workers=_workers(session),
        undelivered=_undelivered(session),
        vendor_usd=_vendor_usd(session, now),
        banned=_banned(session),
    )


def _lines(session: Session, now: int) -> Mapping[str, Line]:
    waits = (
        select(Image.variant, func.count(), func.min(Image.created_at))
        .where(flows.QUEUED)
        .group_by(Image.variant)
    )
    running = select(Image.variant, func.count()).where(flows.RUNNING).group_by(Image.variant)
    drawing = Counter({row[0]: row[1] for row in session.execute(running)})
    waiting = {row[0]: (row[1], (now - row[2]) / 1000) for row in session.execute(waits)}
    return {
        name: Line(*waiting.get(name, (0, 0.0)), drawing=drawing[name])
        for name in waiting.keys() | drawing.keys()
    }


def _recent(session: Session, now: int) -> Mapping[tuple[str, str], Recent]:
    ended = (
        select(Image.variant, Image.status, Image.seconds, Image.created_at, Image.started_at)
        .where(Image.finished_at.is_not(None), Image.finished_at > now - RECENT_MS)
        .order_by(Image.finished_at.desc())
        .limit(MOST_RECENT)
    )
    found: dict[tuple[str, str], list[Row[*tuple[Any, ...]]]] = defaultdict(list)
    for row in session.execute(ended):
        found[row.variant, row.status].append(row)
    return {
        key: Recent(
            len(rows),
            sum(row.seconds or 0.0 for row in rows),
            [(row.started_at - row.created_at) / 1000 for row in rows if row.started_at],
        )
        for key, rows in found.items()
    }


def _workers(session: Session) -> Mapping[str, Sequence[str]]:
    alive = select(Worker.name, Worker.variants).where(Worker.seen_at > now_ms() - SILENT_MS)
    return {name: list(variants["names"]) for name, variants in session.execute(alive)}


def _undelivered(session: Session) -> int:
    # Without the second condition SQLite takes a far larger index, of all that is not deleted.
    due = (UNDELIVERED, Generation.next_delivery_at >= 0)
    return session.scalar(select(func.count()).select_from(Generation).where(*due)) or 0


def _banned(session: Session) -> Mapping[int, str]:
    newest = select(Ban.user_id, Ban.reason).order_by(Ban.created_at.desc(), Ban.user_id)
    return {row.user_id: row.reason for row in session.execute(newest.limit(MOST_BANNED))}


def _vendor_usd(session: Session, now: int) -> float:
    """Return what vendors took within a day; of very many entries, of the newest ones."""
    newest = select(func.max(MoneyEntry.id)).scalar_subquery()
    taken = select(func.sum(MoneyEntry.micros)).where(
        MoneyEntry.id > newest - MOST_MONEY,
        MoneyEntry.created_at > now - DAY_MS,
        MoneyEntry.kind.in_(("charge", "correct")),
    )
    return -int(session.scalar(taken) or 0) / MICROS
