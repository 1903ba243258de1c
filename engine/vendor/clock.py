"""Time as the client sees it, so that tests need not wait."""

import asyncio
import time


class Clock:
    """The machine's own steady clock."""

    def now(self) -> float:
        """Return seconds that never go backwards."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
