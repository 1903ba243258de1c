"""Who is next: the pure rules of the fair share. Knows heads of lines, no SQL and no clock.

Each flow has a virtual time: seconds drawn for it over its weight. Whoever has the least is next,
unless what the worker has loaded serves somebody who is not far behind; the bounds say how far.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SWITCH_S = 12.0
"""What loading another variant takes on a usual GPU, until a worker has measured its own."""
BRING_S = 0.5
"""The same for a LoRA of a usual size."""
LONGEST_S = 3600.0
"""No picture counts for more, whatever a worker reports."""
LEAST_WEIGHT = 0.01


@dataclass(frozen=True, slots=True)
class Head:
    """The first waiting image of one lane; times are epoch milliseconds.

    `fresh_at` is when its flow woke from behind all others, None once it was served; `loras` are
    those that the image asks for.
    """

    lane_id: int
    guild_id: int
    user_id: int
    variant: str
    vtime: float
    head_at: int
    fresh_at: int | None = None
    loras: frozenset[str] = frozenset()

    @property
    def turn(self) -> tuple[float, int, int]:
        """Return what the fair order goes by."""
        return self.vtime, self.head_at, self.lane_id


@dataclass(frozen=True, slots=True)
class Residency:
    """What a worker draws without loading anything, and since when nothing was loaded.

    `switch_s` is what loading took the last time. `loras` are at hand, and nothing waited for
    another to be brought since `none_brought_for_s`, which took `bring_s`.
    """

    loaded: frozenset[str] = frozenset()
    for_s: float = math.inf
    switch_s: float = SWITCH_S
    loras: frozenset[str] = frozenset()
    none_brought_for_s: float = math.inf
    bring_s: float = BRING_S


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long what is loaded, or at hand, may go before whose turn it is.

    A fresh head waits `wait_s` at the most, once the last switch is `rest_s` ago. Everybody else
    gets a turn when nothing was loaded for `stay_s`, or the flow at work is `ahead_s` of virtual
    time further.
    """

    wait_s: float
    rest_s: float
    stay_s: float
    ahead_s: float

    @classmethod
    def of(cls, switch_s: float) -> "Bounds":
        """Return bounds under which switching costs about a twentieth of a worker's time.

        Switches for fresh heads can cost more, but only while members come from idleness.
        """
        wait_s = min(max(4 * switch_s, 1.0), 120.0)
        return cls(wait_s, wait_s / 2, 20 * switch_s, 20 * switch_s)


def pick(heads: Sequence[Head], residency: Residency, now_ms: float) -> Head:
    """Return whose image is drawn next. `heads` holds the least and the freshest of each variant.

    Raises ValueError without heads.
    """
    bounds = Bounds.of(residency.switch_s)
    fairest = min(heads, key=_turn)
    first = _of_variants(heads, residency, bounds, now_ms)
    # Both preferences together are bounded as one.
    return _with_loras(heads, first, residency, now_ms, fairest.vtime + bounds.ahead_s)


def _of_variants(
    heads: Sequence[Head], residency: Residency, bounds: Bounds, now_ms: float
) -> Head:
    """Return whose image is next, were there no LoRAs."""
    fairest = min(heads, key=_turn)
    here = [head for head in heads if head.variant in residency.loaded]
    best = min(here, key=_turn, default=None)
    fresh = _freshest(heads, residency, fairest.vtime + bounds.ahead_s)
    rested = best is None or residency.for_s >= bounds.rest_s
    if fresh and rested and now_ms - (fresh.fresh_at or 0) > bounds.wait_s * 1000:
        return fresh
    if best is fairest:
        return best
    if best and residency.for_s < bounds.stay_s and best.vtime - fairest.vtime <= bounds.ahead_s:
        return best
    # It leaves what is loaded in any case: who would have to be fetched soon goes first.
    return fresh or fairest


def _with_loras(
    heads: Sequence[Head], first: Head, residency: Residency, now_ms: float, most: float
) -> Head:
    """Return a head of the first one's variant whose LoRAs are at hand, if `first` can wait."""
    bounds = Bounds.of(min(residency.bring_s, residency.switch_s))
    overdue = first.fresh_at is not None and now_ms - first.fresh_at > bounds.wait_s * 1000
    if first.loras <= residency.loras or overdue or residency.none_brought_for_s >= bounds.stay_s:
        return first
    furthest = min(most, first.vtime + bounds.ahead_s)
    near = (
        head
        for head in heads
        if head.variant == first.variant
        and head.loras <= residency.loras
        and head.vtime <= furthest
    )
    return min(near, key=_turn, default=first)


def _freshest(heads: Sequence[Head], residency: Residency, most: float) -> Head | None:
    """Return the head that woke first among those for which something must be loaded."""
    away = (
        head
        for head in heads
        if head.fresh_at is not None and head.variant not in residency.loaded and head.vtime <= most
    )
    return min(away, key=_freshness, default=None)


def lifted(settled: float, charged: float, level: float) -> float:
    """Return the settled time of a waking flow: idleness is not banked beyond `level`."""
    return max(settled, level - charged)


def virtual(seconds: float, weight: float) -> float:
    """Return what drawing for `seconds` costs a flow; what no clock can have measured counts 0."""
    if not math.isfinite(seconds):
        return 0.0
    return min(max(seconds, 0.0), LONGEST_S) / max(weight, LEAST_WEIGHT)


def together(variant: str, workers: Iterable[Iterable[str]]) -> frozenset[str]:
    """Return the variants that share a worker with `variant`, each worker given by what it draws.

    Flows compete, and their virtual times compare, within such a group.
    """
    shared = {variant}
    for names in map(frozenset, workers):
        if variant in names:
            shared |= names
    return frozenset(shared)


def _turn(head: Head) -> tuple[float, int, int]:
    return head.turn


def _freshness(head: Head) -> tuple[int, int]:
    return head.fresh_at or 0, head.lane_id
