"""A circuit breaker: after failures in a row, calls are not even tried for a while."""

from engine.vendor.clock import Clock

FAILURES = 5
"""In a row, until it opens."""
OPEN_S = 30.0
LONGEST_OPEN_S = 300.0


class Breaker:
    """Counts failures in a row; while open, one try is let through each time it has waited.

    It is told of failures of the service only: a refusal shows that the service is there.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._open_s = OPEN_S
        self._open_until = 0.0

    def lets_through(self) -> bool:
        """Tell whether a call may be tried; the one that tries an open breaker shuts out others."""
        if self._failures < FAILURES:
            return True
        if self._clock.now() < self._open_until:
            return False
        self._open_until = self._clock.now() + self._open_s
        return True

    def worked(self) -> None:
        """Close it: the service answered."""
        self._failures, self._open_s = 0, OPEN_S

    def failed(self) -> None:
        """Count a failure, and open at the last one allowed, each time for longer."""
        self._failures += 1
        if self._failures < FAILURES:
            return
        if self._failures > FAILURES:
            self._open_s = min(self._open_s * 2, LONGEST_OPEN_S)
        self._open_until = self._clock.now() + self._open_s
