"""How many rows one forward takes, per variant and size: measured, since it seldom pays.

Large pictures fill the device by themselves. And where rows must have the pixels that each has
alone, the measurement compares them to the last bit.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog
import torch

from engine.drawing.meeting import Call
from engine.family import Kind
from engine.memory import device

MOST = 8
WORTH = 0.9
"""More rows are taken while each of them costs less than this share of what it did before."""
REPEATS = 4
SLOW_S = 2.0
"""A forward of so many seconds is timed once: noise is small against it."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Shares:
    """What was measured: `rows` that share a forward, and a row's cost by their number.

    Costs are shares of a lone row's. `alike` tells that each row's bits were those it has alone.
    """

    rows: int
    costs: tuple[tuple[int, float], ...] = ()
    alike: bool = True


class Sharing:
    """Measures each kind of forward once: beforehand, or when two of it could first be shared."""

    def __init__(self, *, exact: bool, most: int | None = None) -> None:
        """With `most` nothing is measured."""
        self._exact, self._most = exact, most
        self._measured: dict[Kind, Shares] = {}

    @property
    def measured(self) -> dict[Kind, Shares]:
        """Return what was found, by kind."""
        return dict(self._measured)

    @property
    def given(self) -> int | None:
        """Return how many rows share a forward without being measured; None where they are."""
        return self._most

    def learn(self, call: Call) -> None:
        """Measure it beforehand."""
        if call.kind not in self._measured:
            self._measured[call.kind] = self._found(call)

    def most(self, call: Call) -> int:
        """Return how many such calls share a forward."""
        if call.group is None:
            return 1
        self.learn(call)
        return self._measured[call.kind].rows

    def expected(self, call: Call) -> int:
        """Return the same without measuring: two, to try, where nothing is known yet."""
        if call.group is None:
            return 1
        found = self._measured.get(call.kind)
        return found.rows if found else self._most or 2

    def halve(self, call: Call) -> None:
        """Take half the rows from now on: there was no memory for more."""
        found = self._measured.get(call.kind, Shares(1))
        self._measured[call.kind] = replace(found, rows=max(1, found.rows // 2))
        log.warning("fewer rows share a forward", kind=call.kind, rows=found.rows)

    def _found(self, call: Call) -> Shares:
        if call.group is None:
            return Shares(1)
        if self._most is not None:
            return Shares(self._most)
        try:
            found = measure(call, exact=self._exact)
        except Exception:  # a drawing's own forward fails of it too, and answers for it
            log.exception("rows could not be measured", kind=call.kind)
            return Shares(1)
        log.info(
            "rows measured", kind=call.kind, rows=found.rows, costs=found.costs, alike=found.alike
        )
        return found


def measure(call: Call, *, exact: bool) -> Shares:
    """Try rows like `call` in forwards of 1, 2, 4 and so on, and return what pays."""
    rows = [_turned(call, number) for number in range(MOST)]
    alone = _fastest(rows[:1])
    shares = Shares(1, ((1, 1.0),))
    if alone > SLOW_S and not _on_gpu(call):
        return shares  # what keeps a processor busy for so long is arithmetic
    count = 2
    while count <= MOST and (tried := _tried(rows[:count], alone, exact=exact)):
        cost, alike = tried
        costs = (*shares.costs, (count, round(cost, 3)))
        if not alike or cost > shares.costs[-1][1] * WORTH:
            return replace(shares, costs=costs, alike=alike)
        shares = Shares(count, costs)
        count *= 2
    return shares


def _tried(rows: Sequence[Call], alone: float, *, exact: bool) -> tuple[float, bool] | None:
    """Return a row's cost, and whether it is what it is alone; None without the memory for it."""
    try:
        together = _fastest(rows)
        # Once more: where a processor was slow for a moment, sharing would seem to pay.
        alone = min(alone, _fastest(rows[:1]))
        return together / len(rows) / alone, not exact or _alike(rows)
    except (MemoryError, RuntimeError) as error:
        if not device.is_full(error):
            raise
    device.empty()
    return None


def _turned(call: Call, number: int) -> Call:
    """Return the call with other latents: rows that are all the same would hide a mix-up."""
    asked = call.named["hidden_states"]
    latents = torch.empty_like(asked).copy_(asked.roll(number, dims=1))
    return replace(call, named={**call.named, "hidden_states": latents}, worn=())


def _alike(rows: Sequence[Call]) -> bool:
    together = rows[0].forward(rows)
    alone = [row.forward([row])[0] for row in rows]
    return all(torch.equal(one[0], two[0]) for one, two in zip(together, alone, strict=True))


def _fastest(rows: Sequence[Call]) -> float:
    on_gpu = _on_gpu(rows[0])
    # A busy machine must not decide it: on a CPU it is the thread's own time that counts.
    clock = time.perf_counter if on_gpu else time.thread_time
    seconds: list[float] = []
    while len(seconds) < REPEATS and min(seconds, default=0) < SLOW_S:
        started = clock()
        rows[0].forward(rows)
        if on_gpu:
            torch.cuda.synchronize()
        seconds.append(clock() - started)
    return min(seconds)


def _on_gpu(call: Call) -> bool:
    return device.is_apart(str(call.named["hidden_states"].device))
