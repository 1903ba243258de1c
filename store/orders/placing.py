"""Orders are placed: once for each interaction, paid, with one image queued per seed."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.line import flows, paces, waiting
from store.money import ledger
from store.money.plans import Plan
from store.orders import payments
from store.orders.order import Order
from store.orders.payments import Paid
from store.tables.orders import Generation, Image


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
