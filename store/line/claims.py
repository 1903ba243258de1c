"""A worker's right to one image: claimed with a lease and a fence, and kept alive.

A claim locks a flow and its first waiting image. What follows writes only where the fence is still
the claim's own: a worker that was thought dead changes nothing. A flow is charged an estimate while
its image is drawn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, bindparam, select, update
from sqlalchemy.orm import Session

from engine.request import GenerationRequest, ImageRequest
from store import clock
from store.clock import now_ms
from store.errors import LeaseLost
from store.line import fairness, flows, paces
from store.line.fairness import Head, Residency
from store.money.ledger import Flow
from store.tables.orders import Generation, Image

LEASE_MS = 20_000
"""A lease outlives many missed beats and is short enough for a member to wait out."""
NOTHING_LOADED = Residency()
MOST_ATTEMPTS = 3
"""Claims of one image before it is given up: a picture that kills its worker must not return."""
IMAGES: Any = Image.__table__
"""As `flows.LANES`."""
FIRST_WAITING = (
    select(Image, Generation)
    .join(Generation)
    .where(Image.lane_id == bindparam("lane"), flows.QUEUED)
    .order_by(Image.created_at, Image.generation_id, Image.index)
    .limit(1)
    .with_for_update(of=Image, skip_locked=True)
    .execution_options(populate_existing=True)
)


@dataclass(frozen=True, slots=True)
class Claim:
    """One image in this worker's hands; `fence` goes with every write.

    The file of a `wordless` one keeps the prompt to itself.
    """

    generation_id: str
    index: int
    fence: int
    attempt: int
    order: Mapping[str, Any]
    wordless: bool = False
    age_restricted: bool = False

    @property
    def number(self) -> str:
        """Return the picture's own number, as it stands in its file."""
        return f"{self.generation_id}-{self.index + 1}"

    @property
    def request(self) -> ImageRequest:
        """Return what to draw. Raises TypeError where another version wrote the order."""
        return GenerationRequest.from_json(dict(self.order)).image(self.index)


def claim(
    session: Session,
    worker: str,
    variants: Sequence[str],
    residency: Residency = NOTHING_LOADED,
    *,
    lease_ms: int = LEASE_MS,
) -> Claim | None:
    """Take the image whose turn it is among `variants`; None where nothing waits.

    `residency` says what the worker has loaded, which goes first within bounds.
    """
    now = clock.now(session)
    tried: set[int] = set()
    while heads := flows.heads(session, variants, tried):
        head = _lock_one(session, heads, residency, now)
        if found := first_waiting(session, head.lane_id):
            return take(session, head, found, worker, (now, now + lease_ms))
        # Its last image went without a word: cancelled just now, or by an older version.
        flows.refresh(session, _flow(head))
        tried.add(head.lane_id)
    return None


def take(
    session: Session,
    head: Head,
    found: tuple[Image, Generation],
    worker: str,
    lease: tuple[int, int],
) -> Claim:
    """Take the image found first in a lane whose flow is locked; `lease` is since and till."""
    image, generation = found
    _take(session, image, generation.weight, worker, lease)
    flows.refresh(session, _flow(head), served=head.lane_id)
    return Claim(
        image.generation_id,
        image.index,
        image.fence,
        image.attempts,
        generation.request,
        wordless=bool(generation.wordless),
        age_restricted=bool(generation.age_restricted),
    )


def _flow(head: Head) -> Flow:
    return Flow(head.guild_id, head.user_id)


def _lock_one(session: Session, heads: Sequence[Head], residency: Residency, now: int) -> Head:
    """Lock the flow whose turn it is among the free ones; where none is free, wait for one.

    The wait keeps a worker from going idle because another claims from the only flow just now.
    """
    left = list(heads)
    while left:
        head = fairness.pick(left, residency, now)
        if flows.lock_if_free(session, _flow(head)):
            return head
        left.remove(head)
    head = fairness.pick(heads, residency, now)
    flows.lock(session, _flow(head))
    return head


def first_waiting(session: Session, lane_id: int) -> tuple[Image, Generation] | None:
    """Lock and return the image that is first in a lane, if another transaction does not."""
    first = session.execute(FIRST_WAITING, {"lane": lane_id}).first()
    return (first[0], first[1]) if first else None


def _take(
    session: Session, image: Image, weight: float, worker: str, lease: tuple[int, int]
) -> None:
    pace = paces.expected(session, [image.variant])[image.variant]
    image.charged = fairness.virtual(pace.charge(image.effort), weight)
    image.status, image.worker = "running", worker
    image.started_at, image.lease_until = lease
    image.fence += 1
    image.attempts += 1
    session.flush()


def beat(session: Session, claim: Claim, *, lease_ms: int = LEASE_MS) -> bool:
    """Prolong the lease; return False where a cancellation was asked for. Raises LeaseLost."""
    write(session, claim, lease_until=now_ms() + lease_ms)
    asked = select(Generation.cancel_requested).where(Generation.id == claim.generation_id)
    return not session.scalar(asked)


def write(session: Session, claim: Claim, **values: Any) -> Row[*tuple[Any, ...]]:
    """Write an image, and return its lane, times and charge. Raises LeaseLost."""
    written = session.execute(
        update(IMAGES)
        .where(_held(claim))
        .values(**values)
        .returning(Image.lane_id, Image.started_at, Image.finished_at, Image.charged)
    ).first()
    if written is None:
        raise LeaseLost(f"{claim.generation_id}-{claim.index} fence {claim.fence}")
    return written


def _held(claim: Claim) -> ColumnElement[bool]:
    return and_(
        Image.generation_id == claim.generation_id,
        Image.index == claim.index,
        Image.fence == claim.fence,
        Image.status == "running",
    )
