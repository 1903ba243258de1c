"""Which claim is taken next: the fairest, or one that can share the forwards under way."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from store.errors import StoreUnavailable
from store.host import controls
from store.line import claims
from store.line.claims import Claim
from store.line.joining import Joining, join

if TYPE_CHECKING:
    from worker.drawing import Parts, Work

LOOK_S = 0.1
"""Between looks for whom could join: each is a small transaction, and steps can be shorter."""
AWAY_S = 1.0
"""The same while the database is away: one that hangs costs whoever is drawn its timeout."""


class Joins:
    """Claims for one engine: any with empty hands, else those that share what it does."""

    def __init__(self, parts: "Parts") -> None:
        self._parts = parts
        self._look_at = 0.0
        self._began_at = 0.0
        self._at_hand: frozenset[str] = frozenset()

    def next(self, works: Sequence["Work"]) -> Claim | None:
        """Return a claim to begin now, if there is one."""
        parts, now = self._parts, time.monotonic()
        if parts.hand.leaving:
            return None
        if not works:
            self._began_at = now
            return self._claim(None)
        at_hand = parts.engine.adapters.at_hand
        # A LoRA that was brought meanwhile may be what somebody waits for.
        is_due = now >= self._look_at or at_hand != self._at_hand
        if not is_due or parts.engine.room < 1:
            return None
        try:
            joined = self._claim(self._joining(works))
        except StoreUnavailable:  # what is under way needs the database only when it ends
            joined, pause_s = None, AWAY_S
        else:
            pause_s = LOOK_S
        if joined is None:
            self._look_at, self._at_hand = time.monotonic() + pause_s, at_hand
        return joined

    def _claim(self, joining: Joining | None) -> Claim | None:
        parts, names = self._parts, self._parts.catalog.names
        with parts.database.begin() as session:
            if controls.is_paused(session):
                return None
            residency = parts.stay.residency(parts.catalog, parts.engine)
            if joining is None:
                return claims.claim(session, parts.name, names, residency)
            return join(session, parts.name, names, residency, joining)

    def _joining(self, works: Sequence["Work"]) -> Joining:
        request, catalog = works[0].claim.request, self._parts.catalog
        digest = catalog[request.variant].digest
        return Joining(
            variants=frozenset(name for name in catalog.names if catalog[name].digest == digest),
            width=request.width,
            height=request.height,
            for_s=time.monotonic() - self._began_at,
            held=len(works),
        )
