"""What servers have chosen for their channels, remembered for a moment. It reads nothing itself."""

import asyncio
import time
from collections.abc import Sequence

from store.tables.servers import Channel

FRESH_S = 60.0
MOST_KEPT = 10_000


class Chosen:
    """What servers have chosen for their channels, for as long as it is fresh."""

    def __init__(self) -> None:
        self.reading = asyncio.Lock()
        self._rows: dict[int, tuple[float, Sequence[Channel]]] = {}

    def get(self, guild_id: int) -> Sequence[Channel] | None:
        """Return what is remembered, or None."""
        at, rows = self._rows.get(guild_id, (float("-inf"), ()))
        return rows if time.monotonic() - at < FRESH_S else None

    def put(self, guild_id: int, rows: Sequence[Channel]) -> None:
        """Remember it."""
        if len(self._rows) >= MOST_KEPT:
            self._rows.clear()
        self._rows[guild_id] = (time.monotonic(), rows)

    def forget(self, guild_id: int) -> None:
        """Read it anew the next time: something was chosen."""
        self._rows.pop(guild_id, None)
