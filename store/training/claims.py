"""A worker's right to one training: claimed with a lease and a fence, kept alive, ended once.

As with images: whatever ends it locks its row first, and writes only where the fence is still the
claim's own. A checkpoint forgives the attempts before it, as it shows that the training moves; one
that kills its worker again and again between two checkpoints is given up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, and_, case, func, select, update
from sqlalchemy.orm import Session, aliased

from engine.errors import RerollError
from engine.training.plan import Plan
from store import clock
from store.clock import now_ms
from store.errors import Gone, LeaseLost
from store.line.claims import LEASE_MS, MOST_ATTEMPTS
from store.line.errors import WorkerCrashed
from store.loras import library
from store.loras.library import Kept
from store.tables.loras import Lora
from store.tables.trainings import Training
from store.training import trainings

LATELY_MS = 24 * 3600_000
LONGEST_MS = 3600_000
"""How long others who trained less may go first."""
MOST = 20
"""Trainings that one sweep takes back at the most."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One training in this worker's hands; `fence` goes with every write."""

    lora_id: str
    fence: int
    attempt: int
    base: str
    values: Mapping[str, Any]
    examples: Sequence[tuple[str, str]] = field(repr=False)
    prompts: Sequence[str] = field(repr=False)
    checkpoint: str | None
    samples: tuple[str, ...]

    @property
    def plan(self) -> Plan:
        """Return what to train. Raises TypeError where another version wrote it."""
        return Plan.from_json(self.values)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training is: steps done, losses to draw, and pictures that lie in its folder."""

    step: int
    curve: Sequence[float]
    samples: tuple[str, ...]


def claim(
    session: Session, worker: str, bases: Sequence[str], *, lease_ms: int = LEASE_MS
) -> Claim | None:
    """Take the training whose turn it is among `bases`; None where nothing waits.

    Whose trainings ran the fewest steps lately in a server is next there, of equals who waits
    longest; who has waited too long goes before all. Nobody has two in line.
    """
    overdue = case((Training.created_at < now_ms() - LONGEST_MS, 0), else_=1)
    first = (
        select(Training)
        .where(
            Training.status == "queued",
            Training.finished_at.is_(None),
            Training.base.in_(list(bases)),
        )
        .order_by(overdue, overdue * _lately(), Training.created_at, Training.lora_id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    found = session.scalar(first)
    if found is None:
        return None
    now = clock.now(session)
    found.status, found.worker = "running", worker
    found.started_at, found.lease_until = found.started_at or now, now + lease_ms
    found.fence += 1
    found.attempts += 1
    session.flush()
    return Claim(
        found.lora_id,
        found.fence,
        found.attempts,
        found.base,
        found.plan,
        [(sha256, caption) for sha256, caption in found.examples["all"]],
        list(found.prompts["all"]),
        found.checkpoint,
        tuple((found.samples or {}).get("all", ())),
    )


def beat(session: Session, claim: Claim, *, lease_ms: int = LEASE_MS) -> bool:
    """Prolong the lease; return False where nobody wants it any more. Raises LeaseLost."""
    _write(session, claim, lease_until=now_ms() + lease_ms)
    wanted = (
        select(Training.cancel_requested, Lora.deleted_at)
        .join(Lora, Lora.id == Training.lora_id)
        .where(Training.lora_id == claim.lora_id)
    )
    stopped, removed_at = session.execute(wanted).one()
    return not stopped and removed_at is None


def tell(session: Session, claim: Claim, progress: Progress) -> None:
    """Say how far it is. Raises LeaseLost."""
    _write(session, claim, **_values(progress))


def save(session: Session, claim: Claim, progress: Progress, checkpoint: str) -> None:
    """Record a checkpoint whose file is in the training's folder. Raises LeaseLost."""
    _write(session, claim, checkpoint=checkpoint, attempts=0, **_values(progress))


def keep(session: Session, claim: Claim, kept: Kept, preview: str) -> None:
    """End it with its file in the library, and the price settled. Raises LeaseLost.

    The caller holds the file's row, as for `loras.ready`. Where the LoRA was removed meanwhile it
    counts as stopped.
    """
    training = _locked(session, claim)
    training.step = training.steps
    if preview:
        library.preview(session, claim.lora_id, preview)
    if not library.ready(session, claim.lora_id, kept):
        trainings.end_cancelled(session, training)
        return
    trainings.end(session, training, "done", training.price)


def fail(session: Session, claim: Claim, error: RerollError) -> None:
    """Record a failure for good. Raises LeaseLost."""
    trainings.end_failed(session, _locked(session, claim), error)


def cancelled(session: Session, claim: Claim, step: int) -> None:
    """Record that it was stopped after so many steps. Raises LeaseLost."""
    training = _locked(session, claim)
    training.step = max(training.step, step)
    trainings.end_cancelled(session, training)


def release(session: Session, claim: Claim) -> None:
    """Hand it back unharmed, as a worker that shuts down does. Raises LeaseLost."""
    training = _locked(session, claim)
    training.attempts = max(0, training.attempts - 1)
    _queue(session, training)


def retry(session: Session, claim: Claim, error: RerollError) -> None:
    """Queue it again, or fail it where its attempts are used up. Raises LeaseLost."""
    training = _locked(session, claim)
    if training.attempts >= MOST_ATTEMPTS:
        trainings.end_failed(session, training, error)
    else:
        _queue(session, training)


def sweep(session: Session) -> None:
    """Take back what a worker held that is gone; several processes may at once."""
    _take_back(session, Training.lease_until < now_ms())


def reclaim(session: Session, worker: str) -> None:
    """Take back what `worker`'s former life held."""
    _take_back(session, Training.worker == worker)


def _take_back(session: Session, gone: ColumnElement[bool]) -> None:
    held = (
        select(Training)
        .where(Training.status == "running", Training.finished_at.is_(None), gone)
        .order_by(Training.lora_id)
        .limit(MOST)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    for training in session.scalars(held).all():
        if training.cancel_requested:
            trainings.end_cancelled(session, training)
        elif training.attempts >= MOST_ATTEMPTS:
            trainings.end_failed(session, training, WorkerCrashed())
        else:
            _queue(session, training)


def _lately() -> ScalarSelect[int]:
    """Return the steps that the same member's trainings in the same server ran lately."""
    other = aliased(Training)
    mine = other.guild_id == Training.guild_id, other.user_id == Training.user_id
    ended = other.finished_at > now_ms() - LATELY_MS
    return select(func.coalesce(func.sum(other.step), 0)).where(*mine, ended).scalar_subquery()


def _queue(session: Session, training: Training) -> None:
    if training.cancel_requested:
        trainings.end_cancelled(session, training)
        return
    training.status, training.lease_until = "queued", None
    session.flush()


def _values(progress: Progress) -> dict[str, Any]:
    return {
        "step": progress.step,
        "curve": {"all": list(progress.curve)},
        "samples": {"all": list(progress.samples)},
    }


def _locked(session: Session, claim: Claim) -> Training:
    try:
        training = trainings.lock(session, claim.lora_id)
    except Gone as error:
        raise LeaseLost(f"training {claim.lora_id}") from error
    if training.status != "running" or training.fence != claim.fence:
        raise LeaseLost(f"training {claim.lora_id} fence {claim.fence}")
    return training


def _write(session: Session, claim: Claim, **values: Any) -> None:
    written = session.execute(
        update(Training)
        .where(
            and_(
                Training.lora_id == claim.lora_id,
                Training.fence == claim.fence,
                Training.status == "running",
            )
        )
        .values(**values)
        .returning(Training.lora_id)
        .execution_options(synchronize_session=False)
    ).first()
    if written is None:
        raise LeaseLost(f"training {claim.lora_id} fence {claim.fence}")
