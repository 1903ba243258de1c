"""What a worker is likely to draw next, for whoever makes ready for it. A guess: claims decide."""

from collections.abc import Collection
from dataclasses import replace

from sqlalchemy.orm import Session

from store import clock
from store.line import fairness, flows
from store.line.fairness import Residency

AHEAD = 4
"""Images: whoever orders next is seen in time, and no worker fills its memory with guesses."""


def loras(
    session: Session, variants: Collection[str], residency: Residency, *, most: int = AHEAD
) -> tuple[str, ...]:
    """Return the sha256 of the LoRAs of the next `most` images, the soonest first."""
    heads = flows.heads(session, variants)
    now = clock.now(session)
    # By whose turn it is: what is not at hand yet is what shall be fetched.
    blind = replace(residency, loras=frozenset().union(*(head.loras for head in heads)))
    coming: dict[str, None] = {}
    for _ in range(min(most, len(heads))):
        head = fairness.pick(heads, blind, now)
        heads.remove(head)
        coming |= dict.fromkeys(sorted(head.loras))
    return tuple(coming)
