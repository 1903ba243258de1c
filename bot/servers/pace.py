"""How fast a member, and all of a server together, may press and command; in memory, by one clock.

A bucket for each: full at first, refilled evenly. People do not notice; a script is told to wait.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from bot.errors import TooFast

REMEMBERED = 50_000
"""Buckets at the most: the one that was touched longest ago is full again."""


@dataclass(frozen=True, slots=True)
class Limit:
    """So many at once, and so many a second from then on."""

    burst: float
    per_s: float


MEMBER = Limit(burst=60, per_s=1.5)
SERVER = Limit(burst=1500, per_s=50)


@dataclass(slots=True)
class Pace:
    """Counts what comes in."""

    member: Limit = MEMBER
    server: Limit = SERVER
    clock: Callable[[], float] = monotonic
    _left: "OrderedDict[tuple[str, int], tuple[float, float]]" = field(default_factory=OrderedDict)

    def take(self, user_id: int, guild_id: int | None) -> None:
        """Count one. Raises TooFast."""
        self._take(("member", user_id), self.member)
        if guild_id:
            self._take(("server", guild_id), self.server)

    def _take(self, whose: tuple[str, int], limit: Limit) -> None:
        now = self.clock()
        left, at = self._left.pop(whose, (limit.burst, now))
        left = min(limit.burst, left + (now - at) * limit.per_s)
        self._left[whose] = (max(left - 1, 0), now)
        if len(self._left) > REMEMBERED:
            self._left.popitem(last=False)
        if left < 1:
            raise TooFast
