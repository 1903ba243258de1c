"""Orders: placed once, cancelled, finished, looked up, deleted. Claims and delivery live beside.

Lock order everywhere: an order's row, its flow's account, then its images; whatever ends an image
holds the first two. A claim locks an account and one image.
"""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select, tuple_, update
from sqlalchemy.orm import Session, selectinload

from engine.request import GenerationRequest
from store.clock import now_ms
from store.errors import Gone, NotYours
from store.line import flows, paces, waiting
from store.moderation import audit
from store.money import budgets, ledger
from store.money.plans import Plan
from store.orders import erasing, payments
from store.orders.payments import Paid
from store.orders.searches import Search
from store.tables.orders import Generation, Image

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: no i, l, o, u to misread on a phone
ID_LENGTH = 10
EVERYTHING = Search()


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the bot knows when a member orders; `token` is Discord's and must not be printed.

    The `id` is new: files that the request starts from lie in its folder already. `estimate` is
    what a vendor is expected to take for each picture, in micro-dollars. A `confirmed` order is
    not asked about again.
    """

    id: str
    interaction_id: int
    application_id: int
    guild_id: int
    channel_id: int
    user_id: int
    message_id: int | None
    token: str
    token_at: int
    locale: str
    upload_limit: int
    request: GenerationRequest
    price: int
    estimate: int = 0
    confirmed: bool = False
    parent_id: str | None = None
    remarks: Mapping[str, Any] = field(default_factory=dict)
    place_id: int | None = None
    age_restricted: bool | None = None
    spoiler: bool = False
    quiet: bool = False
    wordless: bool = False
    label_free: bool = False

    def __repr__(self) -> str:
        """Name the order without its token."""
        return f"Order(interaction_id={self.interaction_id}, user_id={self.user_id})"

    @property
    def flow(self) -> ledger.Flow:
        """Return whose credits pay."""
        return ledger.Flow(self.guild_id, self.user_id)


@dataclass(frozen=True, slots=True)
class Placed:
    """A placed order: its id, credits left, and pictures that will be drawn before its first.

    `price` is what it took: nothing in the `slow` lane. `seconds` is until its last picture is
    there, None where that cannot be known. `paused` where the host lets nothing be drawn now.
    """

    id: str
    balance: ledger.Balance
    ahead: int
    price: int
    slow: bool = False
    seconds: float | None = None
    paused: bool = False


def new_id() -> str:
    """Return an id for an order that is to be placed."""
    return "".join(secrets.choice(ALPHABET) for _ in range(ID_LENGTH))


def create(session: Session, order: Order, plan: Plan, now: datetime) -> Placed:
    """Hold the price and queue one image per seed; the same interaction gives the same order.

    Raises what `payments.pay` raises.
    """
    ledger.lock(session, order.flow)  # a parallel repetition waits here
    known = select(Generation).where(Generation.interaction_id == order.interaction_id)
    if (existing := session.scalar(known)) is not None:
        left = ledger.balance(session, order.flow, plan, now)
        wait = waiting.estimate(session, existing.id)
        return Placed(existing.id, left, wait.place, existing.price, existing.slow, wait.seconds)
    paid = payments.pay(session, order, plan, now)
    lane_id = flows.wake(session, order.flow, order.request.variant)
    session.add(_row(order, plan, paid, lane_id))
    session.flush()
    flows.refresh(session, order.flow)
    wait = waiting.estimate(session, order.id)
    return Placed(order.id, paid.balance, wait.place, paid.price, paid.slow, wait.seconds)


def _row(order: Order, plan: Plan, paid: Paid, lane_id: int) -> Generation:
    shared = {
        "variant": order.request.variant,
        "lane_id": lane_id,
        "effort": paces.effort(order.request),
        "loras": " ".join(order.request.lora_files) or None,
    }
    return Generation(
        id=order.id,
        interaction_id=order.interaction_id,
        application_id=order.application_id,
        guild_id=order.guild_id,
        channel_id=order.channel_id,
        user_id=order.user_id,
        message_id=order.message_id,
        token=order.token,
        token_at=order.token_at,
        locale=order.locale,
        upload_limit=order.upload_limit,
        variant=order.request.variant,
        request=order.request.to_json(),
        price=paid.price,
        plan=plan.name,
        slow=paid.slow,
        weight=paid.weight,
        parent_id=order.parent_id,
        remarks=dict(order.remarks) or None,
        place_id=order.place_id,
        age_restricted=order.age_restricted,
        spoiler=order.spoiler,
        quiet=order.quiet,
        wordless=order.wordless,
        label_free=order.label_free,
        images=[
            Image(index=index, seed=seed, **shared)
            for index, seed in enumerate(order.request.seeds)
        ],
    )


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


def history(
    session: Session,
    flow: ledger.Flow,
    wanted: Search = EVERYTHING,
    *,
    offset: int,
    limit: int,
) -> Sequence[Generation]:
    """Return a member's orders with pictures in one server that fit a search, newest first."""
    return session.scalars(
        select(Generation)
        .where(
            Generation.guild_id == flow.guild_id,
            Generation.user_id == flow.user_id,
            Generation.status == "done",
            Generation.deleted_at.is_(None),
            *wanted.conditions(),
        )
        .order_by(Generation.created_at.desc(), Generation.id)
        .offset(offset)
        .limit(limit)
        .options(selectinload(Generation.images))
    ).all()


def prompts_before(session: Session, generation: Generation, *, limit: int) -> Sequence[str]:
    """Return what the same variant drew for the member before this order ended, newest first."""
    ended = tuple_(Generation.finished_at, Generation.id)
    requests = session.scalars(
        select(Generation.request)
        .where(
            Generation.guild_id == generation.guild_id,
            Generation.user_id == generation.user_id,
            Generation.variant == generation.variant,
            Generation.status == "done",
            # The order of their ends: of several that run at once, exactly one is the first.
            ended < tuple_(generation.finished_at, generation.id),
        )
        .order_by(Generation.created_at.desc(), Generation.id)
        .limit(limit)
    )
    return [request["prompt"] for request in requests]


def cancel(
    session: Session,
    generation_id: str,
    user_id: int,
    *,
    moderator: bool,
    here: int | None = None,
) -> None:
    """Stop an order: waiting images at once, a running one at its next step. Pictures stay.

    A moderator keeps order in the server `here`, where one is named, and in no other. Raises Gone
    or NotYours. An order that has finished is left as it is.
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
    here: int | None = None,
) -> None:
    """Hide an order for good and stop what is left of it; the sweeper removes its files.

    Moderators as in `cancel`. Raises Gone or NotYours.
    """
    cancel(session, generation_id, user_id, moderator=moderator, here=here)
    generation = lock(session, generation_id)
    generation.deleted_at = _now(session)
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
    if (generation := session.scalar(_row_of(generation_id).with_for_update())) is None:
        raise Gone(id=generation_id)
    flows.lock(session, flow_of(generation))
    return generation


def lock_if_free(session: Session, generation_id: str) -> Generation | None:
    """Return an order's row locked with its flow, or None where another transaction holds one."""
    generation = session.scalar(_row_of(generation_id).with_for_update(skip_locked=True))
    if generation is None or not flows.lock_if_free(session, flow_of(generation)):
        return None
    return generation


def flow_of(generation: Generation) -> ledger.Flow:
    """Return whose order it is."""
    return ledger.Flow(generation.guild_id, generation.user_id)


def _row_of(generation_id: str) -> Select[Generation]:
    row = select(Generation).where(Generation.id == generation_id)
    return row.execution_options(populate_existing=True)


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
    generation.error = next((row.error for row in rows if row.error), None)
    generation.status = "done" if done else "failed" if generation.error else "cancelled"
    generation.finished_at = _now(session)
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
    here: int | None = None,
) -> Generation:
    generation = lock(session, generation_id)
    if generation.deleted_at is not None:
        raise Gone(id=generation_id)
    keeps_order = moderator and here in (None, generation.guild_id)
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


def _now(session: Session) -> int:
    return session.scalar(select(now_ms())) or 0
