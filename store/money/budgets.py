"""Money that vendors take: a budget per server and day, held by estimates, settled by charges.

Append-only like the ledger: what is left of a day's budget is the sum of its entries. An order
holds the estimate of each of its pictures. What a vendor says it takes for an attempt is written
as soon as it is known, and corrected once it is certain; the picture's hold ends with it, so that
an attempt that is repeated pays from what is left. Charges are facts and are never refused.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from engine.vendor.charge import Charge
from store.choices import servers
from store.clock import now_ms
from store.database import upsert
from store.money.errors import AllowanceSpent, BudgetNone, BudgetSpent, HostBudgetSpent, MoneyRanOut
from store.money.ledger import Flow, resets_at
from store.money.plans import Plan, dollars, micros
from store.tables.money import MoneyEntry
from store.tables.orders import Generation

ALL_SERVERS = 0
"""Whose row in `servers` is the lock of what all of them may spend together."""
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one picture: what a charge is for; `number` is its claim's fence, 0 of a hold."""

    generation_id: str
    index: int
    number: int


@dataclass(frozen=True, slots=True)
class Budget:
    """Money left today in micro-dollars: of the server's `daily`, and of the member's `own`."""

    left: int
    daily: int
    own_left: int
    own: int

    @property
    def spendable(self) -> int:
        """Return what this member can spend now."""
        return max(0, min(self.left, self.own_left))


def budget(session: Session, flow: Flow, plan: Plan, now: datetime) -> Budget:
    """Return what is left of today's money; change nothing."""
    day = now.date().isoformat()
    spent = -_sum(session, *_day(flow, day), MoneyEntry.kind != "grant")
    left = plan.server_micros - spent
    if plan.host_micros is not None:
        left = min(left, plan.host_micros - _spent_anywhere(session))
    own = -_sum(session, *_day(flow, day), MoneyEntry.user_id == flow.user_id)
    return Budget(
        left=left,
        daily=plan.server_micros,
        own_left=plan.daily_micros - own,
        own=plan.daily_micros,
    )


def hold(
    session: Session,
    flow: Flow,
    plan: Plan,
    generation_id: str,
    estimate: int,
    count: int,
    now: datetime,
) -> None:
    """Take the estimate of `count` pictures from today's budget; members of a server queue here.

    Raises AllowanceSpent, BudgetNone, BudgetSpent or HostBudgetSpent and then changes nothing.
    """
    servers.lock(session, flow.guild_id)
    if plan.host_micros is not None:
        servers.lock(session, ALL_SERVERS)
    before, price = budget(session, flow, plan, now), estimate * count
    needed, again_at = dollars(price), resets_at(now)
    if before.own_left < price:
        left = dollars(max(0, before.own_left))
        raise AllowanceSpent(price=needed, left=left, plan=plan.name, resets_at=again_at)
    if not before.daily:
        raise BudgetNone(price=needed)
    if plan.host_micros is not None and plan.host_micros - _spent_anywhere(session) < price:
        raise HostBudgetSpent(price=needed)
    if before.left < price:
        raise BudgetSpent(price=needed, left=dollars(max(0, before.left)), resets_at=again_at)
    day = now.date().isoformat()
    fund(session, flow.guild_id, plan.server_micros, now)
    for index in range(count):
        held = Attempt(generation_id, index, 0)
        _add(session, flow, day, "hold", -estimate, held)


def fund(session: Session, guild_id: int, daily_micros: int, now: datetime) -> None:
    """Make today's budget `daily_micros`, more or less than it was; the server's row is locked."""
    day = now.date().isoformat()
    whole = (MoneyEntry.guild_id == guild_id, MoneyEntry.day == day, MoneyEntry.kind == "grant")
    if change := daily_micros - _sum(session, *whole):
        entry = MoneyEntry(guild_id=guild_id, day=day, kind="grant", micros=change)
        session.add(entry)
        session.flush()


def check(session: Session, attempt: Attempt, variant: str) -> None:
    """See that the picture's next attempt is still covered. Raises MoneyRanOut.

    Orders from before there were budgets have held nothing and are let through.
    """
    held = _entry(session, Attempt(attempt.generation_id, attempt.index, 0), "hold")
    if held is None:
        return
    released = _entry(session, Attempt(attempt.generation_id, attempt.index, 0), "release")
    flow = Flow(held.guild_id, held.user_id or 0)
    mine = 0 if released else -held.micros
    if _sum(session, *_day(flow, held.day)) + mine < -held.micros:
        raise MoneyRanOut(variant=variant)


def charged(session: Session, attempt: Attempt, charge: Charge) -> None:
    """Record what the vendor takes for an attempt: at first, and again where it says otherwise."""
    generation = session.get_one(Generation, attempt.generation_id)
    flow = Flow(generation.guild_id, generation.user_id)
    held = _entry(session, Attempt(attempt.generation_id, attempt.index, 0), "hold")
    ordered = datetime.fromtimestamp(generation.created_at / 1000, UTC)
    day = held.day if held else ordered.date().isoformat()
    # Read at once: what another process writes in between is then left to its own entry.
    told = session.scalars(select(MoneyEntry.micros).where(*_of(attempt))).all()
    difference = -sum(told) - micros(charge.usd)
    if not told:
        _add(session, flow, day, "charge", difference, attempt, charge)
        _release(session, held)
    elif difference:
        _add(session, flow, day, "correct", difference, attempt, charge)


def release(session: Session, generation_id: str) -> None:
    """Give back what an order that has ended still holds."""
    holds = select(MoneyEntry).where(
        MoneyEntry.generation_id == generation_id, MoneyEntry.kind == "hold"
    )
    for held in session.scalars(holds).all():
        _release(session, held)


def _release(session: Session, held: MoneyEntry | None) -> None:
    if held and held.index is not None:
        attempt = Attempt(held.generation_id or "", held.index, 0)
        flow = Flow(held.guild_id, held.user_id or 0)
        _add(session, flow, held.day, "release", -held.micros, attempt)


def _sum(session: Session, *which: ColumnElement[bool]) -> int:
    return int(session.scalar(select(func.sum(MoneyEntry.micros)).where(*which)) or 0)


def _spent_anywhere(session: Session) -> int:
    """Return what was taken or is held in 24 hours in all servers, whatever their dates."""
    lately = MoneyEntry.created_at > now_ms() - DAY_MS
    return -_sum(session, lately, MoneyEntry.kind != "grant")


def _day(flow: Flow, day: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return MoneyEntry.guild_id == flow.guild_id, MoneyEntry.day == day


def _of(attempt: Attempt) -> tuple[ColumnElement[bool], ...]:
    return (
        MoneyEntry.generation_id == attempt.generation_id,
        MoneyEntry.index == attempt.index,
        MoneyEntry.attempt == attempt.number,
    )


def _entry(session: Session, attempt: Attempt, kind: str) -> MoneyEntry | None:
    return session.scalar(select(MoneyEntry).where(*_of(attempt), MoneyEntry.kind == kind))


def _add(
    session: Session,
    flow: Flow,
    day: str,
    kind: str,
    amount: int,
    attempt: Attempt,
    charge: Charge | None = None,
) -> None:
    """Write an entry, unless another process did: a worker and a sweeper may end one picture."""
    values = {
        "guild_id": flow.guild_id,
        "user_id": flow.user_id,
        "day": day,
        "kind": kind,
        "micros": amount,
        "generation_id": attempt.generation_id,
        "index": attempt.index,
        "attempt": attempt.number,
        "vendor": charge.vendor if charge else None,
        "is_estimate": charge.is_estimate if charge else True,
    }
    session.execute(upsert(session, MoneyEntry).values(values).on_conflict_do_nothing())
