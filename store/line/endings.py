"""What becomes of claimed images, written once, by who still holds them.

Claims of one order that end in the same moment end in one transaction. It locks the order first. A
flow was charged an estimate for an image that was drawn; now it pays what was measured.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from engine.errors import RerollError
from engine.judging.verdicts import Verdict
from engine.recipe import Recipe
from store.clock import now_ms
from store.line import claims, fairness, flows, paces
from store.line.claims import MOST_ATTEMPTS, Claim
from store.orders import generations
from store.tables.orders import Generation, Image, Review

Ending = Callable[[Session, Generation], float]
"""Writes how one image of a locked order ended; returns the virtual seconds that its flow pays.

Raises LeaseLost, and has written nothing then.
"""


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


def end(session: Session, generation_id: str, endings: Iterable[Ending]) -> bool:
    """Let claims of an order end; return True if the order is finished with them.

    Raises LeaseLost.
    """
    generation = generations.lock(session, generation_id)
    flow = generations.flow_of(generation)
    cost = sum(ending(session, generation) for ending in endings)
    if cost:
        flows.spend(session, flow, generation.variant, cost)
    flows.refresh(session, flow)
    return generations.close_if_finished(session, generation)


def keep(session: Session, generation: Generation, claim: Claim, kept: Kept) -> float:
    """Record the picture.

    One of an order that was deleted meanwhile counts as cancelled: nobody will see it.
    """
    if generation.deleted_at is not None:
        return cancelled(session, generation, claim)
    written = {
        "status": "done",
        **_kept_as(kept),
        "file_bytes": kept.file_bytes,
        "pixel_sha256": kept.pixel_sha256,
        "recipe": kept.recipe.to_json(),
        "seconds": kept.seconds,
    }
    claims.write(session, claim, finished_at=now_ms(), lease_until=None, **written)
    device, step = kept.recipe.device, paces.effort(kept.recipe.request)
    paces.learn(session, generation.variant, device, step, kept.seconds)
    paces.learn(session, generation.variant, device, paces.LOADING, kept.loading_s)
    return fairness.virtual(kept.seconds, generation.weight)


def _kept_as(kept: Kept) -> Mapping[str, Any]:
    """Return where a picture's file stands: one that is held is not among those to be shown."""
    if kept.verdict is Verdict.HOLD:
        return {"held_sha256": kept.file_sha256, "review": Review.WAITING}
    review = Review.SPOILER if kept.verdict is Verdict.SPOILER else None
    return {"file_sha256": kept.file_sha256, "review": review}


def fail(session: Session, generation: Generation, claim: Claim, error: RerollError) -> float:
    """Record a failure for good."""
    return _unfinished(session, generation, claim, status="failed", error=as_json(error))


def cancelled(session: Session, generation: Generation, claim: Claim) -> float:
    """Record that the image was stopped."""
    return _unfinished(session, generation, claim, status="cancelled")


def release(session: Session, generation: Generation, claim: Claim) -> float:
    """Hand the image back unharmed, as a worker that shuts down does."""
    return _give_back(session, generation, claim, attempts=Image.attempts - 1)


def retry(session: Session, generation: Generation, claim: Claim, error: RerollError) -> float:
    """Queue the image again, or fail it where its attempts are used up."""
    if claim.attempt >= MOST_ATTEMPTS:
        return fail(session, generation, claim, error)
    return _give_back(session, generation, claim)


def as_json(error: RerollError) -> dict[str, Any]:
    """Return an error as kept in SQL: its code and the parameters of its text."""
    return {"code": error.code, "params": dict(error.params)}


def _give_back(session: Session, generation: Generation, claim: Claim, **values: Any) -> float:
    if generation.cancel_requested:
        return cancelled(session, generation, claim)
    written = claims.write(session, claim, status="queued", lease_until=None, **values)
    flows.give_back(session, generations.flow_of(generation), written.lane_id)
    return 0.0


def _unfinished(session: Session, generation: Generation, claim: Claim, **values: Any) -> float:
    """Write an image that was stopped or failed: it costs no more than it was charged.

    The time may hold the loading of a variant, which is nobody's own.
    """
    written: Row[*tuple[Any, ...]] = claims.write(
        session, claim, finished_at=now_ms(), lease_until=None, **values
    )
    elapsed_s = (written.finished_at - (written.started_at or 0)) / 1000
    return min(fairness.virtual(elapsed_s, generation.weight), written.charged or 0.0)
