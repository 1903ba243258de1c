"""For how long nothing has moved in a process's hand; knows no claim.

A hung kernel cannot be interrupted, so that whoever looks ends the process.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

LOAD_S = 6 * 3600.0
"""What weights may take: dozens of GB may have to be fetched first, and what fetches them gives a
silent line up by itself."""


class Stillness:
    """Counts seconds since the last move; while something loads, only those beyond all measure."""

    def __init__(self) -> None:
        self._moved_at = time.monotonic()
        self._loading = False

    def moved(self) -> None:
        """Note that something moved."""
        self._moved_at = time.monotonic()

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Expect no move until the block is left."""
        self.moved()
        self._loading = True
        try:
            yield
        finally:
            self._loading = False
            self.moved()

    @property
    def seconds(self) -> float:
        """Return how long nothing has moved that should have."""
        still_s = time.monotonic() - self._moved_at
        return max(0.0, still_s - LOAD_S) if self._loading else still_s
