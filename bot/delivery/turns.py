"""Who may edit an order's message: interim states one at a time, and none once it has ended."""

import asyncio
from collections.abc import Awaitable, Callable

MOST_ENDED = 10_000
"""Ended orders remembered; an interim edit cannot be late by that many deliveries."""
INTERIM_S = 5.0
"""An interim edit that takes longer (a rate limit, mostly) is dropped: it must delay nothing."""


class Turns:
    """Keeps a late "60%" from overwriting the finished picture."""

    def __init__(self, *, interim_s: float = INTERIM_S) -> None:
        self._interim_s = interim_s
        self._locks: dict[str, asyncio.Lock] = {}
        self._ended: dict[str, None] = {}

    def ended(self, generation_id: str) -> bool:
        """Tell whether the order's last state is, or is being, shown."""
        return generation_id in self._ended

    async def interim(self, generation_id: str, edit: Callable[[], Awaitable[object]]) -> bool:
        """Run `edit` unless the order has ended; return whether it ran to its end."""
        if self.ended(generation_id):
            return False
        async with self._locks.setdefault(generation_id, asyncio.Lock()):
            if self.ended(generation_id):
                return False
            try:
                async with asyncio.timeout(self._interim_s):
                    await edit()
            except TimeoutError:
                return False
            return True

    async def end(self, generation_id: str) -> None:
        """Return when no interim edit is under way and none can follow."""
        self._ended[generation_id] = None
        if len(self._ended) > MOST_ENDED:
            del self._ended[next(iter(self._ended))]
        if (lock := self._locks.pop(generation_id, None)) is not None:
            async with lock:
                pass
