"""What an order must pass and pay, in the transaction that places it: plan, credits, money.

An order that the credits do not cover is taken into the slow lane where there is one: it costs
nothing, waits with a small weight, and is never drawn for money.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.money import budgets, ledger
from store.money.errors import ConfirmationNeeded, CreditsSpent, SlowLaneBusy, TooManyOrders
from store.money.ledger import Balance, Flow
from store.money.plans import Plan
from store.orders.order import Order
from store.tables.orders import Generation


@dataclass(frozen=True, slots=True)
class Paid:
    """What an order took: `price` credits, and the weight it waits with in the fair share."""

    balance: Balance
    price: int
    weight: float
    slow: bool = False


def pay(session: Session, order: Order, plan: Plan, now: datetime) -> Paid:
    """Hold what the order costs; the account is locked.

    Raises a StoreRefused that says which limit of the plan, which credits or which money are short,
    or ConfirmationNeeded; then nothing was taken once the transaction is rolled back.
    """
    plan.check(order.request, costs_money=order.estimate > 0)
    if len(_open(session, order.flow)) >= plan.concurrent:
        raise TooManyOrders(limit=plan.concurrent, plan=plan.name)
    try:
        left = ledger.hold(session, order.flow, plan, order.id, order.price, now)
    except CreditsSpent as short:
        return _slowly(session, order, plan, now, short)
    if order.price > plan.confirm_above and not order.confirmed:
        raise ConfirmationNeeded(price=order.price, left=left.left)
    if order.estimate:
        budgets.hold(session, order.flow, plan, order.id, order.estimate, order.request.count, now)
    return Paid(left, order.price, plan.weight)


def _slowly(session: Session, order: Order, plan: Plan, now: datetime, short: CreditsSpent) -> Paid:
    lane = plan.slow_lane
    if lane is None or order.estimate:
        raise short
    left = ledger.balance(session, order.flow, plan, now)
    lane.check(order.request, price=order.price, left=left.left, resets_at=left.resets_at)
    if any(_open(session, order.flow)):
        raise SlowLaneBusy(**short.params)
    return Paid(left, 0, lane.weight, slow=True)


def _open(session: Session, flow: Flow) -> list[bool]:
    """Return for each order of the member's that has not ended whether it is in the slow lane."""
    mine = (Generation.guild_id == flow.guild_id, Generation.user_id == flow.user_id)
    return list(session.scalars(select(Generation.slow).where(*mine, Generation.status == "open")))
