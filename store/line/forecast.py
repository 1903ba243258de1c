"""How long an order will wait: the line played to the order's end with the rules of `fairness`.

Pure. Times are seconds from now. A line too long to be played is added up: each waiting picture
has a turn, the virtual time at which its flow will stand, and those with earlier turns are before.
"""

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from store.line import fairness
from store.line.fairness import Head, Residency

MOST_PLAYED = 200
"""Pictures that are played; with more before it, an order is far from its turn in any case."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Pictures drawn before an order's first one, and seconds until its last one is there.

    `seconds` is None where nobody draws the variant now, nobody ever has, or drawing is paused.
    """

    place: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Line:
    """One lane's waiting pictures: `count` of them, of about `seconds` each, behind `head`."""

    head: Head
    weight: float
    count: int
    seconds: float

    @classmethod
    def of(cls, head: Head, kinds: Iterable[tuple[float, float, int]]) -> "Line":
        """Average pictures of several kinds, each with its seconds, its weight and their number."""
        kinds = list(kinds)
        count = sum(number for _, _, number in kinds)
        total = sum(seconds * number for seconds, _, number in kinds)
        virtual = sum(fairness.virtual(each, weight) * number for each, weight, number in kinds)
        return cls(head, total / max(virtual, 1e-9), count, total / count)

    @property
    def step(self) -> float:
        """Return by how much one picture moves the flow's virtual time."""
        return max(fairness.virtual(self.seconds, self.weight), 1e-9)

    def turn(self, number: int) -> float:
        """Return the turn of picture `number`, counted from 0."""
        return self.head.vtime + number * self.step

    def before(self, turn: float, head_at: int) -> int:
        """Return how many of its pictures have an earlier turn; ties go to the older line."""
        steps = (turn - self.head.vtime) / self.step
        if steps < 0:
            return 0
        older = self.head.head_at <= head_at
        return min(self.count, math.floor(steps) + 1 if older else math.ceil(steps))


@dataclass(frozen=True, slots=True, order=True)
class Seat:
    """A worker: busy until `free_at`, with `loaded` since `since` (before now: negative)."""

    free_at: float
    loaded: str = ""
    since: float = -math.inf
    variants: frozenset[str] = field(default=frozenset(), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What an order waits in: its own lane's line, the others, and the workers that draw them.

    The first `earlier` pictures of the own line belong to former orders, the rest to this one;
    `loading` is what each variant takes to load.
    """

    mine: Line
    seats: Sequence[Seat]
    earlier: int = 0
    others: Sequence[Line] = ()
    loading: Mapping[str, float] = field(default_factory=dict)
    now_ms: int = 0


def forecast(scene: Scene) -> Wait:
    """Return the wait of the order whose pictures end the line `mine`."""
    wait = _added_up(scene)
    if not scene.seats:
        return Wait(wait.place, None)
    last = scene.mine.turn(scene.mine.count - 1)
    before = sum(line.before(last, scene.mine.head.head_at) for line in scene.others)
    if before + scene.mine.count > MOST_PLAYED:
        return wait
    return _played(scene) or wait


def _added_up(scene: Scene) -> Wait:
    mine, last = scene.mine, scene.mine.count - 1
    first_turn, last_turn = mine.turn(min(scene.earlier, last)), mine.turn(last)
    at = mine.head.head_at
    place = scene.earlier + sum(line.before(first_turn, at) for line in scene.others)
    before_s = last * mine.seconds + sum(
        line.before(last_turn, at) * line.seconds for line in scene.others
    )
    running_s = sum(max(seat.free_at, 0.0) for seat in scene.seats)
    return Wait(place, (before_s + running_s) / max(len(scene.seats), 1) + mine.seconds)


def _played(scene: Scene) -> Wait | None:
    """Play until the order is drawn; None where it takes too long or the workers run dry."""
    lines = {line.head.lane_id: line for line in (scene.mine, *scene.others)}
    mine, left = scene.mine.head.lane_id, scene.mine.count
    seats, place, end = list(scene.seats), 0, 0.0
    heapq.heapify(seats)
    for drawn in range(2 * MOST_PLAYED):
        taken = _next(lines, seats, scene)
        if taken is None:
            return None
        line, done_at = taken
        if line.head.lane_id == mine:
            if scene.mine.count - left == scene.earlier:
                place = drawn
            left, end = left - 1, max(end, done_at)
        if not left:
            return Wait(place, end)
    return None


def _next(lines: dict[int, Line], seats: list[Seat], scene: Scene) -> tuple[Line, float] | None:
    """Let the worker that is free first take a picture; return its line and when it is done."""
    while seats:
        seat = heapq.heappop(seats)
        heads = [line.head for line in lines.values() if line.head.variant in seat.variants]
        if not heads:
            continue
        loaded = frozenset({seat.loaded})
        switch_s = max(scene.loading.values(), default=fairness.SWITCH_S)
        residency = Residency(loaded, seat.free_at - seat.since, switch_s)
        head = fairness.pick(heads, residency, scene.now_ms + seat.free_at * 1000)
        line, begin = lines[head.lane_id], seat.free_at
        since = seat.since
        if head.variant != seat.loaded:
            begin = since = begin + scene.loading.get(head.variant, 0.0)
        heapq.heappush(seats, Seat(begin + line.seconds, head.variant, since, seat.variants))
        _charge(lines, line)
        return line, begin + line.seconds
    return None


def _charge(lines: dict[int, Line], taken: Line) -> None:
    """Take one picture from a line; its flow's other lines move on as well."""
    flow = (taken.head.guild_id, taken.head.user_id)
    for lane_id, line in list(lines.items()):
        if (line.head.guild_id, line.head.user_id) != flow:
            continue
        count = line.count - (line is taken)
        if not count:
            del lines[lane_id]
            continue
        fresh_at = None if line is taken else line.head.fresh_at
        head = replace(line.head, vtime=line.head.vtime + taken.step, fresh_at=fresh_at)
        lines[lane_id] = replace(line, head=head, count=count)
