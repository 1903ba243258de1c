"""A worker's right to one image: claimed with a lease and a fence, kept alive, ended once.

A claim locks its image only. Whatever ends it locks the order first, and writes only where the
fence is still the claim's own: a worker that was thought dead changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.orm import Session

from engine.errors import RerollError
from engine.recipe import Recipe
from engine.request import GenerationRequest, ImageRequest
from store import generations
from store.clock import now_ms
from store.errors import LeaseLost
from store.tables import Generation, Image

LEASE_MS = 20_000
"""A lease outlives many missed beats and is short enough for a member to wait out."""
MOST_ATTEMPTS = 3
"""Claims of one image before it is given up: a picture that kills its worker must not return."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One image in this worker's hands; `fence` goes with every write."""

    generation_id: str
    index: int
    fence: int
    attempt: int
    order: Mapping[str, Any]

    @property
    def request(self) -> ImageRequest:
        """Return what to draw. Raises TypeError where another version wrote the order."""
        return GenerationRequest.from_json(dict(self.order)).image(self.index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A finished picture whose file is already in the file store."""

    file_sha256: str
    file_bytes: int
    pixel_sha256: str
    recipe: Recipe
    seconds: float


def claim(
    session: Session, worker: str, variants: Sequence[str], *, lease_ms: int = LEASE_MS
) -> Claim | None:
    """Take the image that has waited longest among `variants`; None where nothing waits."""
    found = session.execute(
        select(Image, Generation.request)
        .join(Generation)
        .where(Image.status == "queued", Image.variant.in_(variants))
        .order_by(Image.created_at, Image.generation_id, Image.index)
        .limit(1)
        .with_for_update(of=Image, skip_locked=True)
    ).first()
    if found is None:
        return None
    image, order = found
    now = session.scalar(select(now_ms())) or 0
    image.status, image.worker = "running", worker
    image.started_at, image.lease_until = now, now + lease_ms
    image.fence += 1
    image.attempts += 1
    session.flush()
    return Claim(image.generation_id, image.index, image.fence, image.attempts, order)


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
    return _end(
        session,
        claim,
        generation,
        status="done",
        file_sha256=kept.file_sha256,
        file_bytes=kept.file_bytes,
        pixel_sha256=kept.pixel_sha256,
        recipe=kept.recipe.to_json(),
        seconds=kept.seconds,
    )


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
    _write(session, claim, status="queued", lease_until=None, **values)
    return False


def _end(session: Session, claim: Claim, generation: Generation, **values: Any) -> bool:
    _write(session, claim, finished_at=now_ms(), lease_until=None, **values)
    return generations.close_if_finished(session, generation)


def _write(session: Session, claim: Claim, **values: Any) -> None:
    written = session.scalar(
        update(Image)
        .where(_held(claim))
        .values(**values)
        .returning(Image.index)
        .execution_options(synchronize_session=False)
    )
    if written is None:
        raise LeaseLost(f"{claim.generation_id}-{claim.index} fence {claim.fence}")


def _held(claim: Claim) -> ColumnElement[bool]:
    return and_(
        Image.generation_id == claim.generation_id,
        Image.index == claim.index,
        Image.fence == claim.fence,
        Image.status == "running",
    )
