"""A claim of an image that can be drawn together with what is under way, within fair bounds.

Whose turn it is goes first if its picture fits in. Where it does not, somebody little ahead may,
and only for a while: then the worker's hands are emptied for whose turn it is. Nobody joins whom a
worker who holds less will draw, and nobody who was tried before: a picture that kills its worker
must not take the same others down with it until all are given up.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from store import clock
from store.host import workers
from store.line import claims, fairness, flows
from store.line.claims import LEASE_MS, Claim
from store.line.fairness import Head, Residency
from store.money.ledger import Flow
from store.tables.orders import Image

AHEAD_S = 4.0
"""Virtual seconds that somebody may be ahead of whose turn it is, and join all the same."""
STAY_S = 8.0
"""For so long at the most may somebody wait whose picture does not fit in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """What pictures under way share with others: their variants' weights, size, words alone.

    `for_s` is since when the worker's hands were not empty, `held` how many are in them.
    """

    variants: frozenset[str]
    width: int
    height: int
    for_s: float
    held: int = 1

    def takes(self, order: Mapping[str, Any]) -> bool:
        """Tell whether the pictures of an order can be drawn together with these."""
        size = (order.get("width"), order.get("height"))
        starts = [order.get(name) for name in ("references", "canvas", "mask")]
        return (
            order.get("variant") in self.variants
            and size == (self.width, self.height)
            and not any(starts)
        )


def join(
    session: Session,
    worker: str,
    variants: Sequence[str],
    residency: Residency,
    joining: Joining,
    *,
    most: int = 1,
    lease_ms: int = LEASE_MS,
) -> list[Claim]:
    """Take up to `most` images that can join; none where those under way are to end first."""
    now = clock.now(session)
    lease = (now, now + lease_ms)
    left = _left_to_others(session, worker, joining, most)
    joined: list[Claim] = []
    while len(joined) < most and not left(len(joined)):
        heads = _near(flows.heads(session, variants), residency, now, joining)
        claim = _first_that_fits(session, worker, heads, joining, lease)
        if claim is None:
            break
        joined.append(claim)
    return joined


def _first_that_fits(
    session: Session,
    worker: str,
    heads: Iterable[Head],
    joining: Joining,
    lease: tuple[int, int],
) -> Claim | None:
    for head in heads:
        # No wait for what another worker holds: there is enough to do meanwhile.
        if not flows.lock_if_free(session, Flow(head.guild_id, head.user_id)):
            continue
        found = claims.first_waiting(session, head.lane_id)
        # Who was tried before may have taken a worker down: not with others in its hands again.
        if found and not found[0].attempts and joining.takes(found[1].request):
            return claims.take(session, head, found, worker, lease)
    return None


def _left_to_others(
    session: Session, worker: str, joining: Joining, most: int
) -> Callable[[int], bool]:
    """Return what tells, after so many joined, whether others end the rest sooner than these hands.

    They hold less. One that has died without a word holds nobody up for longer than these hands
    are full.
    """
    others = workers.hands_beside(session, worker, joining.variants)

    def room(joined: int) -> int:
        return sum(max(0, joining.held + joined - held) for held in others)

    if not room(most - 1):
        return lambda _: False
    first = select(Image.seed).where(flows.QUEUED, Image.variant.in_(joining.variants))
    waiting = len(session.scalars(first.limit(room(most) + most)).all())
    return lambda joined: 0 < room(joined) >= waiting - joined


def _near(
    heads: Sequence[Head], residency: Residency, now: int, joining: Joining
) -> Iterator[Head]:
    """Yield whose turn it is, then those of the same weights who are little ahead."""
    if not heads:
        return
    first = fairness.pick(heads, residency, now)
    if first.variant not in joining.variants:
        return
    others = sorted((head for head in heads if head is not first), key=lambda head: head.turn)
    for head in (first, *others) if joining.for_s < STAY_S else (first,):
        near = head.vtime <= first.vtime + AHEAD_S and head.variant in joining.variants
        # Those under way would wait for a LoRA that is not at hand: it is brought meanwhile.
        if near and head.loras <= residency.loras:
            yield head
