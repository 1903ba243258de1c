"""The claims in this process's hand, shared by the thread that draws and the beating heart."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Lock
from typing import Protocol

from engine.errors import GenerationCancelled
from store.database import Database
from store.errors import LeaseLost
from store.line import claims
from store.line.claims import Claim
from worker.stillness import Stillness


class ClaimStopped(Exception):
    """The worker shuts down or lost the claim: leave the picture at this step."""


class Grip:
    """One claim in hand, and what was heard of it since it was taken."""

    def __init__(self, hand: "Hand", claim: Claim) -> None:
        self.claim = claim
        self._hand = hand
        self._cancelled = self._lost = False

    def check(self) -> None:
        """Note that the picture moved. Raises GenerationCancelled or ClaimStopped to leave it."""
        self._hand.moved()
        if self._cancelled:
            raise GenerationCancelled
        if self._lost or self._hand.late:
            raise ClaimStopped

    def beat(self, database: Database) -> None:
        """Prolong the lease and hear of a cancellation."""
        lost = wanted = False
        try:
            with database.begin() as session:
                wanted = claims.beat(session, self.claim)
        except LeaseLost:
            lost = True
        self._lost, self._cancelled = lost, not lost and not wanted


class Hand:
    """Holds the claims whose pictures are under way, each with a fate of its own."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._grips: list[Grip] = []
        self._stillness = Stillness()
        self._leave_at: float | None = None

    @contextmanager
    def holding(self, claim: Claim) -> Iterator[Grip]:
        """Hold `claim` inside the block, whatever happens there."""
        grip = self.take(claim)
        try:
            yield grip
        finally:
            self.drop(grip)

    def take(self, claim: Claim) -> Grip:
        """Hold `claim` until it is dropped."""
        grip = Grip(self, claim)
        self.moved()
        with self._lock:
            self._grips.append(grip)
        return grip

    def drop(self, grip: Grip) -> None:
        """Hold it no longer."""
        self.moved()
        with self._lock:
            self._grips.remove(grip)

    def moved(self) -> None:
        """Note that something moved."""
        self._stillness.moved()

    def loading(self) -> AbstractContextManager[None]:
        """Expect no picture to move until the block is left."""
        return self._stillness.loading()

    def beat(self, database: Database) -> None:
        """Prolong every lease and hear of cancellations; nothing with an empty hand."""
        with self._lock:
            grips = list(self._grips)
        for grip in grips:
            grip.beat(database)

    def leave(self, *, grace_s: float) -> None:
        """Take no further claim; those held may go on for `grace_s` seconds."""
        self._leave_at = time.monotonic() + grace_s

    @property
    def empty(self) -> bool:
        """Tell whether nothing is held."""
        return not self._grips

    @property
    def claim(self) -> Claim | None:
        """Return what was taken last of that which is held."""
        with self._lock:
            return self._grips[-1].claim if self._grips else None

    @property
    def leaving(self) -> bool:
        """Tell whether the worker is shutting down."""
        return self._leave_at is not None

    @property
    def late(self) -> bool:
        """Tell whether the time to finish what is held has run out."""
        return self._leave_at is not None and time.monotonic() > self._leave_at

    @property
    def still_s(self) -> float:
        """Return seconds since a picture in hand moved; 0 with an empty hand."""
        return self._stillness.seconds if self._grips else 0.0


class InHand(Protocol):
    """What a process holds, whatever it does."""

    def beat(self, database: Database) -> None:
        """Prolong every lease."""

    def leave(self, *, grace_s: float) -> None:
        """Take no further claim."""

    @property
    def empty(self) -> bool:
        """Tell whether nothing is held."""

    @property
    def leaving(self) -> bool:
        """Tell whether the process is shutting down."""

    @property
    def still_s(self) -> float:
        """Return seconds since what is held moved."""
