"""Orders that were placed: looked up, cancelled, finished, deleted; no claims, no delivery.

Lock order everywhere: an order's row, its flow's account, then its images; whatever ends an image
holds the first two. A claim locks an account and one image; what joins it, those that are free.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session, selectinload

from store import clock
from store.clock import now_ms
from store.errors import Gone, NotYours
from store.line import flows
from store.moderation import audit
from store.money import budgets, ledger
from store.orders import erasing, withheld
from store.tables.orders import Generation, Image

ROW = (
    select(Generation)
    .where(Generation.id == bindparam("order"))
    .with_for_update()
    .execution_options(populate_existing=True)
)
ROW_IF_FREE = ROW.with_for_update(skip_locked=True)


@dataclass(frozen=True, slots=True)
class Ward:
    """Where a moderator keeps order: in a server, or in one channel of it and its threads alone."""

    guild_id: int
    channel_id: int | None = None

    def holds(self, generation: Generation) -> bool:
        """Tell whether an order was placed there."""
        channels = (None, generation.channel_id, generation.place_id)
        return generation.guild_id == self.guild_id and self.channel_id in channels


def get(session: Session, generation_id: str) -> Generation:
    """Return an order with its images. Raises Gone, also for a deleted one."""
    found = session.scalar(
        select(Generation)
        .where(Generation.id == generation_id, Generation.deleted_at.is_(None))
        .options(selectinload(Generation.images))
    )
    if found is None:
        raise Gone(id=generation_id)
    return found


def cancel(
    session: Session,
    generation_id: str,
    user_id: int,
    *,
    moderator: bool,
    here: Ward | None = None,
) -> None:
    """Stop an order: waiting images at once, a running one at its next step. Pictures stay.

    A moderator keeps order `here`, where a place is named, and nowhere else. Raises Gone or
    NotYours. An order that has finished is left as it is.
    """
    generation = _owned(session, generation_id, user_id, moderator=moderator, here=here)
    if generation.status != "open":
        return
    _by_another(session, generation, user_id, "cancel")
    generation.cancel_requested = True
    session.execute(
        update(Image)
        .where(Image.generation_id == generation_id, Image.status == "queued")
        .values(status="cancelled", finished_at=now_ms())
        .execution_options(synchronize_session=False)
    )
    flows.refresh(session, flow_of(generation))
    close_if_finished(session, generation)


def delete(
    session: Session,
    generation_id: str,
    user_id: int,
    *,
    moderator: bool,
    here: Ward | None = None,
) -> None:
    """Hide an order for good and stop what is left of it; the sweeper removes its files.

    What the output check held of it is paid back. Moderators as in `cancel`. Raises Gone or
    NotYours.
    """
    withheld.drop(session, _owned(session, generation_id, user_id, moderator=moderator, here=here))
    cancel(session, generation_id, user_id, moderator=moderator, here=here)
    generation = lock(session, generation_id)
    generation.deleted_at = clock.now(session)
    _by_another(session, generation, user_id, "delete")
    session.flush()


def star(session: Session, generation_id: str, user_id: int) -> bool:
    """Make an order a favourite of who ordered it, or one no longer; return which it is now.

    Raises Gone or NotYours.
    """
    generation = _owned(session, generation_id, user_id, moderator=False)
    generation.starred = not generation.starred
    session.flush()
    return generation.starred


def purged(session: Session, generation_ids: Collection[str]) -> None:
    """Record that the files of deleted orders are gone, and let their words go too."""
    erasing.erase(session, generation_ids)
    session.execute(
        update(Generation).where(Generation.id.in_(generation_ids)).values(purged_at=now_ms())
    )


def lock(session: Session, generation_id: str) -> Generation:
    """Return an order's row, deleted or not, locked with its flow to the end of the transaction.

    Raises Gone.
    """
    if (generation := session.scalar(ROW, {"order": generation_id})) is None:
        raise Gone(id=generation_id)
    flows.lock(session, flow_of(generation))
    return generation


def lock_if_free(session: Session, generation_id: str) -> Generation | None:
    """Return an order's row locked with its flow, or None where another transaction holds one."""
    generation = session.scalar(ROW_IF_FREE, {"order": generation_id})
    if generation is None or not flows.lock_if_free(session, flow_of(generation)):
        return None
    return generation


def flow_of(generation: Generation) -> ledger.Flow:
    """Return whose order it is."""
    return ledger.Flow(generation.guild_id, generation.user_id)


def close_if_finished(session: Session, generation: Generation) -> bool:
    """End a locked order when none of its images is queued or running: its fate and its credits.

    What was not delivered goes back exactly: the price is the same for each image.
    """
    rows = session.execute(
        select(Image.status, Image.error)
        .where(Image.generation_id == generation.id)
        .order_by(Image.index)
    ).all()
    states = [row.status for row in rows]
    if generation.status != "open" or {"queued", "running"} & set(states):
        return False
    done = states.count("done")
    generation.finished_at = clock.now(session)
    generation.error = next((row.error for row in rows if row.error), None)
    generation.status = "done" if done else "failed" if generation.error else "cancelled"
    due = generation.price // len(states) * done
    ledger.close(session, flow_of(generation), generation.id, due)
    budgets.release(session, generation.id)
    return True


def _owned(
    session: Session,
    generation_id: str,
    user_id: int,
    *,
    moderator: bool,
    here: Ward | None = None,
) -> Generation:
    generation = lock(session, generation_id)
    if generation.deleted_at is not None:
        raise Gone(id=generation_id)
    keeps_order = moderator and (here is None or here.holds(generation))
    if generation.user_id != user_id and not keeps_order:
        raise NotYours
    return generation


def _by_another(session: Session, generation: Generation, user_id: int, action: str) -> None:
    if generation.user_id != user_id:
        audit.record(
            session,
            generation.guild_id,
            user_id,
            action,
            target_id=generation.user_id,
            generation_id=generation.id,
        )
