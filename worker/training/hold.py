"""The training in this process's hand, shared by the thread that trains and the pulse."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Lock

from engine.errors import GenerationCancelled
from store.database import Database
from store.errors import LeaseLost
from store.training import claims
from store.training.claims import Claim
from worker.hand import ClaimStopped
from worker.stillness import Stillness


class Hold:
    """Holds at most one claim and what was heard of it since it was taken."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._claim: Claim | None = None
        self._cancelled = self._lost = False
        self._stillness = Stillness()
        self._leave_at: float | None = None

    @contextmanager
    def holding(self, claim: Claim) -> Iterator[None]:
        """Hold `claim` inside the block, whatever happens there."""
        self._take(claim)
        try:
            yield
        finally:
            self._take(None)

    def check(self) -> None:
        """Note that the training moved. Raises GenerationCancelled or ClaimStopped to leave it."""
        self._stillness.moved()
        if self._cancelled:
            raise GenerationCancelled
        if self._lost:
            raise ClaimStopped

    def loading(self) -> AbstractContextManager[None]:
        """Expect no step until the block is left."""
        return self._stillness.loading()

    def beat(self, database: Database) -> None:
        """Prolong the lease and hear whether it is still wanted; nothing with an empty hand."""
        claim = self._claim
        if claim is None:
            return
        lost = wanted = False
        try:
            with database.begin() as session:
                wanted = claims.beat(session, claim)
        except LeaseLost:
            lost = True
        with self._lock:
            if self._claim is claim:  # a beat that comes late must not stop the next training
                self._lost, self._cancelled = lost, not lost and not wanted

    def leave(self, *, grace_s: float) -> None:
        """Take no further claim; the one held is kept as it is within `grace_s` seconds."""
        self._leave_at = time.monotonic() + grace_s

    @property
    def empty(self) -> bool:
        """Tell whether nothing is held."""
        return self._claim is None

    @property
    def leaving(self) -> bool:
        """Tell whether the process is shutting down."""
        return self._leave_at is not None

    @property
    def still_s(self) -> float:
        """Return seconds since the training in hand moved; 0 with an empty hand."""
        return self._stillness.seconds if self._claim else 0.0

    def _take(self, claim: Claim | None) -> None:
        with self._lock:
            self._claim = claim
            self._cancelled = self._lost = False
            self._stillness.moved()
