"""A bell that rings after every change, for those who wait until something is so."""

import asyncio
from collections.abc import Callable


class Pulse:
    """Wakes every waiter at each ring; a waiter looks and sleeps on if its wish is not yet true.

    Listeners are called at once, before a second change can hide the first.
    """

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self.count = 0
        self.listeners: list[Callable[[], None]] = []

    def ring(self) -> None:
        """Tell every waiter that something changed."""
        self.count += 1
        rung, self._rung = self._rung, asyncio.Event()
        rung.set()
        for listener in list(self.listeners):
            listener()

    async def until(self, wish: Callable[[], bool], seconds: float) -> bool:
        """Wait until `wish()` holds; False when the time is over first."""
        try:
            async with asyncio.timeout(seconds):
                while not wish():
                    await self._rung.wait()
        except TimeoutError:
            return False
        return True
