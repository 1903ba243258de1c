"""How often a member may ask for their data, which takes long to put together."""

from datetime import datetime, timedelta

from bot.errors import ExportTooSoon

REST = timedelta(minutes=10)
MOST_KEPT = 10_000


class Exports:
    """Who asked lately; after a restart everyone may again."""

    def __init__(self) -> None:
        self._last: dict[int, datetime] = {}

    def begin(self, user_id: int, now: datetime) -> None:
        """Note that a member asks. Raises ExportTooSoon."""
        last = self._last.get(user_id)
        if last is not None and now - last < REST:
            raise ExportTooSoon(again_at=int((last + REST).timestamp()) + 1)
        if len(self._last) >= MOST_KEPT:
            self._last.clear()
        self._last[user_id] = now

    def forget(self, user_id: int) -> None:
        """Let a member ask again: nothing came of it."""
        self._last.pop(user_id, None)
