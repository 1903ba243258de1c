"""For how long a process has looked at the database without a gap; knows nothing of what it sees.

Whoever could not look, because the database was away, the process stood still or the machine slept,
does not know who was there meanwhile: those who are alive get a moment to say so before anything
is taken from them.
"""

import time

GAP_S = 15.0
"""Three sweeps: less than a lease, so that who beat before a shorter one still holds it after."""


class Watch:
    """One process's looks; `began` is on the monotonic clock."""

    def __init__(self, began: float | None = None, *, gap_s: float = GAP_S) -> None:
        self._gap_s = gap_s
        self._since = time.monotonic() if began is None else began
        self._looked = self._clocks()
        self._waited = False

    def look(self) -> int | None:
        """Return the milliseconds without a gap; None just after one: look again later."""
        # A process that stood still missed time on one clock, a machine that slept on the other.
        before, self._looked = self._looked, self._clocks()
        gaps = (now - then for now, then in zip(self._looked, before, strict=True))
        if max(gaps) > self._gap_s:
            self._since = self._looked[0]
            # Where all goes that slowly, every other look must do.
            self._waited = not self._waited
        else:
            self._waited = False
        return None if self._waited else int((self._looked[0] - self._since) * 1000)

    def _clocks(self) -> tuple[float, float]:
        return time.monotonic(), time.time()
