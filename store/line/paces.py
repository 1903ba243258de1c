"""How long a picture takes, learned from those that were drawn; knows no order and no line.

Pictures are alike in their effort: pixels times steps, in steps of a quarter of a doubling. Per
variant and class of device each effort has a running average that one outlier moves little.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from engine.request import Drawn
from store import clock
from store.clock import now_ms
from store.database import upsert
from store.tables.lines import Pace

PER_DOUBLING = 4
UNKNOWN_S = 10.0
"""What a picture of a variant that nobody has drawn yet is taken to last."""
RECENT_MS = 3600_000
"""A device that has drawn nothing for so long, while another has, no longer counts."""
YOUNG = 5
"""So many pictures move an average by half: the first one of a process is slow."""
OUTLIER = 3.0
"""Later ones move it as if they lay within this factor."""
SHARE = 0.1


LOADING = -1
"""No effort of a picture: the row of what loading the variant takes."""
ROW_IF_FREE = (
    select(Pace)
    .where(
        Pace.variant == bindparam("variant"),
        Pace.device == bindparam("device"),
        Pace.effort == bindparam("effort"),
    )
    .with_for_update(skip_locked=True)
    .execution_options(populate_existing=True)
)
KNOWN = select(Pace.variant, Pace.effort, Pace.seconds, Pace.updated_at).where(
    Pace.variant.in_(bindparam("variants", expanding=True))
)


@dataclass(frozen=True, slots=True)
class Paces:
    """What is known of one variant: seconds by effort, and of loading it."""

    known: Mapping[int, float]
    loading: float = 0.0

    def seconds(self, effort: int | None) -> float | None:
        """Return what one picture is likely to take, None where nothing is known."""
        if not self.known:
            return None
        if effort is None:
            return sum(self.known.values()) / len(self.known)
        nearest = min(self.known, key=lambda known: abs(known - effort))
        return self.known[nearest] * math.exp2((effort - nearest) / PER_DOUBLING)

    def charge(self, effort: int | None) -> float:
        """Return what a claim charges before the time is measured."""
        seconds = self.seconds(effort)
        return UNKNOWN_S if seconds is None else seconds


def effort(request: Drawn) -> int:
    """Return the step of effort of one picture: what it draws and what it looks at."""
    passes = 2 if request.guidance > 1 else 1
    work = request.width * request.height * request.steps * passes * (1 + len(request.files))
    return round(PER_DOUBLING * math.log2(max(work, 1)))


def averaged(mean: float, count: int, seconds: float) -> float:
    """Return the average after one more picture."""
    if count < YOUNG:
        return (mean + seconds) / 2
    return mean + SHARE * (min(max(seconds, mean / OUTLIER), mean * OUTLIER) - mean)


def learn(session: Session, variant: str, device: str, effort: int | None, seconds: float) -> None:
    """Let one finished picture count; one that another worker learns from now is left out."""
    if effort is None or not (math.isfinite(seconds) and seconds > 0):
        return
    key = {"variant": variant, "device": device[:128], "effort": effort}
    pace = session.scalar(ROW_IF_FREE, key)
    if pace is None:
        values = {**key, "seconds": seconds, "count": 1, "updated_at": now_ms()}
        session.execute(upsert(session, Pace).values(values).on_conflict_do_nothing())
        return
    pace.updated_at = clock.now(session)  # before there is anything to flush
    pace.seconds = averaged(pace.seconds, pace.count, seconds)
    pace.count += 1
    session.flush()


def expected(session: Session, variants: Collection[str]) -> Mapping[str, Paces]:
    """Return what is known of each variant, on the devices that draw lately."""
    rows = session.execute(KNOWN, {"variants": list(variants)}).all()
    known: dict[str, dict[int, list[tuple[int, float]]]] = {name: {} for name in variants}
    for variant, step, seconds, at in rows:
        known[variant].setdefault(step, []).append((at, seconds))
    recent = {
        variant: {step: _recent(found) for step, found in steps.items()}
        for variant, steps in known.items()
    }
    return {
        variant: Paces(seconds, seconds.pop(LOADING, 0.0)) for variant, seconds in recent.items()
    }


def _recent(found: list[tuple[int, float]]) -> float:
    newest = max(at for at, _ in found)
    recent = [seconds for at, seconds in found if at >= newest - RECENT_MS]
    return sum(recent) / len(recent)
