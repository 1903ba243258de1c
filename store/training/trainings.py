"""Trainings of LoRAs: ordered and paid, stopped, looked at, and told of in the end.

What a worker does with them stands in `store.training.claims`. A training holds its price until it
ends: all of it is due for a LoRA that is done, nothing for one that failed, and of one that was
stopped the share of its steps that were run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from engine.errors import RerollError
from engine.training.plan import Plan
from store import clock
from store.choices import members
from store.clock import now_ms
from store.errors import Gone, NotYours
from store.loras import library
from store.loras.library import New, Room
from store.money import ledger
from store.money.plans import Plan as MemberPlan
from store.tables.loras import Lora
from store.tables.trainings import Training
from store.training.errors import TrainingRuns, TrainingsNotIncluded, TrainingsSpent

MOST_TELLINGS = 300
LONGEST_WAIT_MS = 5 * 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """What the bot knows when a member orders a training; `token` is Discord's.

    `lora_id` is new. `examples` are sha256 and caption of pictures that lie in the training's
    folder already; `prompts` are what samples show.
    """

    lora_id: str
    guild_id: int
    user_id: int
    name: str
    triggers: str
    base: str
    plan: Plan
    examples: Sequence[tuple[str, str]] = field(repr=False)
    prompts: Sequence[str] = field(repr=False)
    price: int
    application_id: int
    channel_id: int
    message_id: int | None
    token: str = field(repr=False)
    token_at: int
    locale: str

    @property
    def flow(self) -> ledger.Flow:
        """Return whose credits pay."""
        return ledger.Flow(self.guild_id, self.user_id)


def folder(lora_id: str) -> str:
    """Return the folder of a training's pictures, checkpoints and samples in the file store."""
    return f"training-{lora_id}"


def reference(lora_id: str) -> str:
    """Return what the ledger knows a training by."""
    return f"training:{lora_id}"


def create(
    session: Session, ordered: Ordered, plan: MemberPlan, room: Room, now: datetime
) -> Training:
    """Hold the price, take a place in the library and queue the training; `now` is the server's.

    Raises TrainingRuns, TrainingsNotIncluded, TrainingsSpent, CreditsSpent, or what `loras.create`
    raises.
    """
    members.lock(session, ordered.user_id)  # two at once, from two servers, must not both find none
    ledger.lock(session, ordered.flow)
    day = now.date().isoformat()
    _check_room(session, ordered, plan, day)
    new = New(
        id=ordered.lora_id,
        owner_id=ordered.user_id,
        name=ordered.name,
        source="trained",
        triggers=ordered.triggers,
    )
    lora = library.create(session, new, room)
    ledger.hold(session, ordered.flow, plan, reference(lora.id), ordered.price, now)
    training = _row(ordered, lora.id, day)
    session.add(training)
    session.flush()
    return training


def check_plan(plan: MemberPlan) -> None:
    """Refuse whose plan holds no trainings. Raises TrainingsNotIncluded."""
    if not plan.trainings:
        raise TrainingsNotIncluded(plan=plan.name)


def _check_room(session: Session, ordered: Ordered, plan: MemberPlan, day: str) -> None:
    check_plan(plan)
    if open_of(session, ordered.user_id) is not None:
        raise TrainingRuns
    # One that failed or was never begun counts for nothing: the member has nothing of it.
    counted = select(func.count()).where(
        Training.guild_id == ordered.guild_id,
        Training.user_id == ordered.user_id,
        Training.day == day,
        Training.due.is_(None) | (Training.due > 0),
    )
    if (session.scalar(counted) or 0) >= plan.trainings:
        raise TrainingsSpent(limit=plan.trainings, plan=plan.name)


def _row(ordered: Ordered, lora_id: str, day: str) -> Training:
    return Training(
        lora_id=lora_id,
        guild_id=ordered.guild_id,
        user_id=ordered.user_id,
        day=day,
        base=ordered.base,
        plan=ordered.plan.to_json(),
        examples={"all": [list(one) for one in ordered.examples]},
        prompts={"all": list(ordered.prompts)},
        steps=ordered.plan.steps,
        price=ordered.price,
        application_id=ordered.application_id,
        channel_id=ordered.channel_id,
        message_id=ordered.message_id,
        token=ordered.token,
        token_at=ordered.token_at,
        locale=ordered.locale,
    )


def get(session: Session, lora_id: str) -> Training:
    """Return a training as it is now. Raises Gone."""
    found = session.get(Training, lora_id, populate_existing=True)
    if found is None:
        raise Gone(id=lora_id)
    return found


def open_of(session: Session, user_id: int) -> Training | None:
    """Return a member's training that is waiting or running."""
    mine = select(Training).where(Training.user_id == user_id, Training.finished_at.is_(None))
    return session.scalar(mine)


def running(session: Session) -> Sequence[Training]:
    """Return trainings that have not ended, for their cards."""
    unended = select(Training).where(Training.finished_at.is_(None))
    return session.scalars(unended.order_by(Training.created_at)).all()


def cancel(session: Session, lora_id: str) -> bool:
    """Stop a training: one that waits at once, one that runs at its next step.

    Return whether there was something to stop. Raises Gone.
    """
    training = lock(session, lora_id)
    if training.finished_at is not None:
        return False
    training.cancel_requested = True
    if training.status == "queued":
        end_cancelled(session, training)
    session.flush()
    return True


def stop(session: Session, lora_id: str, user_id: int) -> bool:
    """Stop a member's own training, as `cancel` does. Raises Gone or NotYours."""
    if get(session, lora_id).user_id != user_id:
        raise NotYours
    return cancel(session, lora_id)


def lock(session: Session, lora_id: str) -> Training:
    """Return a training's row, held until the transaction ends. Raises Gone."""
    row = select(Training).where(Training.lora_id == lora_id).with_for_update()
    found = session.scalar(row.execution_options(populate_existing=True))
    if found is None:
        raise Gone(id=lora_id)
    return found


def end(session: Session, training: Training, status: str, due: int) -> None:
    """End a locked training: its fate and its credits."""
    training.status, training.due = status, due
    training.finished_at = clock.now(session)
    training.lease_until = None
    flow = ledger.Flow(training.guild_id, training.user_id)
    ledger.close(session, flow, reference(training.lora_id), due)
    session.flush()


def end_cancelled(session: Session, training: Training) -> None:
    """End a locked training that was stopped; its steps that were run are due."""
    end(session, training, "cancelled", training.price * training.step // training.steps)
    library.remove(session, session.get_one(Lora, training.lora_id))


def end_failed(session: Session, training: Training, error: RerollError) -> None:
    """End a locked training that came to nothing: nothing is due."""
    training.error = {"code": error.code, "params": dict(error.params)}
    end(session, training, "failed", 0)
    library.refuse(session, training.lora_id, error)


def waiting_bases(session: Session) -> frozenset[str]:
    """Return the bases whose trainings wait for a worker."""
    waits = select(Training.base).where(Training.finished_at.is_(None), Training.status == "queued")
    return frozenset(session.scalars(waits))


def untold(session: Session, *, limit: int = 20) -> Sequence[Training]:
    """Return ended trainings whose members have not heard of it, the oldest first."""
    due = select(Training).where(
        Training.told_at.is_(None),
        Training.finished_at.is_not(None),
        Training.next_telling_at <= now_ms(),
    )
    return session.scalars(due.order_by(Training.finished_at).limit(limit)).all()


def told(session: Session, lora_id: str, message_id: int | None) -> None:
    """Record where the end was shown: a message's id, or None where nowhere can be."""
    shown: Mapping[str, Any] = {"message_id": message_id} if message_id else {}
    # Of no use any more, and of use to a thief; the pictures' words go with the pictures.
    nothing: Mapping[str, Any] = {"all": []}
    session.execute(
        update(Training)
        .where(Training.lora_id == lora_id, Training.told_at.is_(None))
        .values(told_at=now_ms(), token="", examples=nothing, prompts=nothing, **shown)
    )


def postpone(session: Session, training: Training) -> bool:
    """Tell it later, with growing waits; return False where it is given up."""
    if training.tell_attempts + 1 >= MOST_TELLINGS:
        told(session, training.lora_id, None)
        return False
    wait_ms = min(2_000 * 2 ** min(training.tell_attempts, 10), LONGEST_WAIT_MS)
    session.execute(
        update(Training)
        .where(Training.lora_id == training.lora_id)
        .values(tell_attempts=training.tell_attempts + 1, next_telling_at=now_ms() + wait_ms)
    )
    return True
