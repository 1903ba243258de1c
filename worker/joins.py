"""Which claims are taken next: the fairest, and whatever can share its forwards.

One transaction takes all that begins together: pictures of one order then end together too.
"""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from store.errors import StoreUnavailable
from store.host import controls
from store.line import claims, flows
from store.line.claims import Claim
from store.line.fairness import Residency
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

    def next(self, works: Sequence["Work"]) -> Sequence[Claim]:
        """Return the claims to begin now, if there are any."""
        if self._parts.hand.leaving:
            return ()
        if not works:
            return self._first() if self._is_due() else ()
        # A LoRA that was brought meanwhile may be what somebody waits for.
        is_new = self._parts.engine.adapters.at_hand != self._at_hand
        if self._parts.engine.room < 1 or (time.monotonic() < self._look_at and not is_new):
            return ()
        if self._parts.engine.goes_on:
            return ()  # until the next forward there is nothing to share
        if any(_is_alone(work.claim) for work in works):
            return ()
        try:
            return self._beside([work.claim for work in works]) if self._is_due() else ()
        except StoreUnavailable:  # what is under way needs the database only when it ends
            self._look_in(AWAY_S)
            return ()

    def _is_due(self) -> bool:
        """Tell whether anything waits to be drawn: mostly nothing does, and others write now."""
        with self._parts.database.reading() as session:
            if flows.waits(session, self._parts.catalog.names) and not controls.is_paused(session):
                return True
        self._look_in(LOOK_S)
        return False

    def _look_in(self, seconds: float) -> None:
        self._look_at = time.monotonic() + seconds
        self._at_hand = self._parts.engine.adapters.at_hand

    def _first(self) -> Sequence[Claim]:
        """Take whose turn it is, and who is known to fit in."""
        self._began_at = time.monotonic()
        parts = self._parts
        residency = parts.stay.residency(parts.catalog, parts.engine)
        with parts.database.begin() as session:
            first = claims.claim(session, parts.name, parts.catalog.names, residency)
            if first is None:
                return ()
            room = self._room_beside(first, residency)
            return first, *self._joined(session, residency, [first], room)

    def _beside(self, held: Sequence[Claim]) -> Sequence[Claim]:
        """Take who fits in with those under way."""
        parts = self._parts
        residency = parts.stay.residency(parts.catalog, parts.engine)
        with parts.database.begin() as session:
            return self._joined(session, residency, held, parts.engine.room)

    def _room_beside(self, first: Claim, residency: Residency) -> int:
        """Return how many more may share the forwards of a picture that has not begun.

        None where something has to be loaded for it first: others would wait for that.
        """
        if _is_alone(first):
            return 0
        try:
            request = first.request
        except TypeError:  # by another version: told where it is to be drawn
            return 0
        at_hand = {use.sha256 for use in request.loras} <= residency.loras
        if request.files or request.variant not in residency.loaded or not at_hand:
            return 0
        variant = self._parts.catalog[request.variant]
        return self._parts.engine.rows(variant, request.width, request.height) - 1

    def _joined(
        self, session: Session, residency: Residency, held: Sequence[Claim], room: int
    ) -> Sequence[Claim]:
        """Take up to `room` claims that can be drawn together with those held."""
        if room < 1:
            return ()
        parts, names = self._parts, self._parts.catalog.names
        joining = self._joining(held[0], len(held))
        joined = join(session, parts.name, names, residency, joining, most=room)
        if len(joined) < room:
            self._look_in(LOOK_S)
        return joined

    def _joining(self, first: Claim, held: int) -> Joining:
        request, catalog = first.request, self._parts.catalog
        digest = catalog[request.variant].digest
        return Joining(
            variants=frozenset(name for name in catalog.names if catalog[name].digest == digest),
            width=request.width,
            height=request.height,
            for_s=time.monotonic() - self._began_at,
            held=held,
        )


def _is_alone(claim: Claim) -> bool:
    """Tell whether a picture was tried before: if it kills its worker, then not others' too."""
    return claim.attempt > 1
