"""How long a call is repeated, and how it waits in between; knows no call."""

import random
from collections.abc import Awaitable, Callable
from itertools import count
from typing import TypeVar

from engine.vendor.clock import Clock
from engine.vendor.faults import Again
from engine.vendor.job import Limits

T = TypeVar("T")


class Patience:
    """Repeats what may get better by waiting, each time after a longer pause."""

    def __init__(self, clock: Clock, chance: random.Random, limits: Limits) -> None:
        self._clock, self._chance, self._limits = clock, chance, limits

    async def insist(self, call: Callable[[], Awaitable[T]]) -> T:
        """Return what `call` returns once it does not raise Again; its error when time is up."""
        began = self._clock.now()
        for attempt in count():
            try:
                return await call()
            except Again as again:
                wait_s = self._wait_s(attempt, again.after_s)
                if self._clock.now() + wait_s > began + again.patience_s:
                    raise again.error from again
                await self._clock.sleep(wait_s)
        raise AssertionError

    def _wait_s(self, attempt: int, after_s: float | None) -> float:
        # Full jitter: workers that failed together must not come back together.
        most = min(self._limits.first_wait_s * 2 ** min(attempt, 10), self._limits.longest_wait_s)
        return (after_s or 0.0) + self._chance.uniform(0, most)
