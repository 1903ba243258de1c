"""A worker's right to one image: claimed with a lease and a fence, kept alive, ended once.

A claim locks a flow and its first waiting image. Whatever ends it locks the order first, and
writes only where the fence is still the claim's own: a worker that was thought dead changes
nothing. A flow is charged an estimate while its image is drawn, and what was measured in the end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, bindparam, select, update
from sqlalchemy.orm import Session

from engine.errors import RerollError
from engine.judging.verdicts import Verdict
from engine.recipe import Recipe
from engine.request import GenerationRequest, ImageRequest
from store import clock
from store.clock import now_ms
from store.errors import LeaseLost
from store.line import fairness, flows, paces
from store.line.fairness import Head, Residency
from store.money.ledger import Flow
from store.orders import generations
from store.tables.orders import Generation, Image, Review

LEASE_MS = 20_000
"""A lease outlives many missed beats and is short enough for a member to wait out."""
NOTHING_LOADED = Residency()
MOST_ATTEMPTS = 3
"""Claims of one image before it is given up: a picture that kills its worker must not return."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A finished picture whose file is already in the file store.

    `seconds` is what it took to draw, `loading_s` what was spent before on loading its variant.
    """

    file_sha256: str
    file_bytes: int
    pixel_sha256: str
    recipe: Recipe
    seconds: float
    loading_s: float = 0.0
    verdict: Verdict = Verdict.DELIVER


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
    _write(session, claim, lease_until=now_ms() + lease_ms)
    asked = select(Generation.cancel_requested).where(Generation.id == claim.generation_id)
    return not session.scalar(asked)


def keep(session: Session, claim: Claim, kept: Kept) -> bool:
    """Record the picture; return True if the order is finished with it. Raises LeaseLost.

    A picture of an order that was deleted meanwhile counts as cancelled: nobody will see it.
    """
    generation = generations.lock(session, claim.generation_id)
    if generation.deleted_at is not None:
        return _end(session, claim, generation, status="cancelled")
    finished = _end(
        session,
        claim,
        generation,
        measured=kept.seconds,
        status="done",
        **_kept_as(kept),
        file_bytes=kept.file_bytes,
        pixel_sha256=kept.pixel_sha256,
        recipe=kept.recipe.to_json(),
        seconds=kept.seconds,
    )
    device, step = kept.recipe.device, paces.effort(kept.recipe.request)
    paces.learn(session, generation.variant, device, step, kept.seconds)
    paces.learn(session, generation.variant, device, paces.LOADING, kept.loading_s)
    return finished


def _kept_as(kept: Kept) -> dict[str, Any]:
    """Return where a picture's file stands: one that is held is not among those to be shown."""
    if kept.verdict is Verdict.HOLD:
        return {"held_sha256": kept.file_sha256, "review": Review.WAITING}
    review = Review.SPOILER if kept.verdict is Verdict.SPOILER else None
    return {"file_sha256": kept.file_sha256, "review": review}


def fail(session: Session, claim: Claim, error: RerollError) -> bool:
    """Record a failure for good; return True if the order is finished with it. Raises LeaseLost."""
    generation = generations.lock(session, claim.generation_id)
    return _end(session, claim, generation, status="failed", error=as_json(error))


def cancelled(session: Session, claim: Claim) -> bool:
    """Record that the image was stopped; return as `keep`. Raises LeaseLost."""
    generation = generations.lock(session, claim.generation_id)
    return _end(session, claim, generation, status="cancelled")


def release(session: Session, claim: Claim) -> bool:
    """Hand the image back unharmed, as a worker that shuts down does; return as `keep`."""
    return _give_back(session, claim, attempts=Image.attempts - 1)


def retry(session: Session, claim: Claim, error: RerollError) -> bool:
    """Queue the image again, or fail it where its attempts are used up; return as `keep`."""
    if claim.attempt >= MOST_ATTEMPTS:
        return fail(session, claim, error)
    return _give_back(session, claim)


def as_json(error: RerollError) -> dict[str, Any]:
    """Return an error as kept in SQL: its code and the parameters of its text."""
    return {"code": error.code, "params": dict(error.params)}


def _give_back(session: Session, claim: Claim, **values: Any) -> bool:
    generation = generations.lock(session, claim.generation_id)
    if generation.cancel_requested:
        return _end(session, claim, generation, status="cancelled")
    written = _write(session, claim, status="queued", lease_until=None, **values)
    flows.give_back(session, generations.flow_of(generation), written.lane_id)
    return False


def _end(
    session: Session,
    claim: Claim,
    generation: Generation,
    *,
    measured: float | None = None,
    **values: Any,
) -> bool:
    written = _write(session, claim, finished_at=now_ms(), lease_until=None, **values)
    if measured is None:
        cost = _unfinished(written, generation.weight)
    else:
        cost = fairness.virtual(measured, generation.weight)
    flow = generations.flow_of(generation)
    flows.spend(session, flow, generation.variant, cost)
    flows.refresh(session, flow)
    return generations.close_if_finished(session, generation)


def _unfinished(written: Row[*tuple[Any, ...]], weight: float) -> float:
    """Return what a picture costs its flow that was stopped or failed: no more than its charge.

    The time may hold the loading of a variant, which is nobody's own.
    """
    elapsed_s = (written.finished_at - (written.started_at or 0)) / 1000
    return min(fairness.virtual(elapsed_s, weight), written.charged or 0.0)


def _write(session: Session, claim: Claim, **values: Any) -> Row[*tuple[Any, ...]]:
    written = session.execute(
        update(Image)
        .where(_held(claim))
        .values(**values)
        .returning(Image.lane_id, Image.started_at, Image.finished_at, Image.charged)
        .execution_options(synchronize_session=False)
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
