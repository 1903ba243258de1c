"""The credit ledger: append-only entries, balances as sums, holds that cannot overspend.

An order's price is held when it is placed and closed once: settled for the pictures delivered,
refunded whole where there are none. The account's row is the lock, so that parallel orders of one
member queue here and different members never wait for each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from store.database import upsert
from store.errors import CreditsSpent
from store.plans import Plan
from store.tables import Account, LedgerEntry

KEPT = "kept"
"""The purse of credits that do not end with the day."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One member in one server (guild 0 outside servers): whose credits are spent."""

    guild_id: int
    user_id: int


@dataclass(frozen=True, slots=True)
class Balance:
    """Credits left: `today` (of `daily`) until `resets_at` (epoch seconds), `kept` for good."""

    today: int
    kept: int
    daily: int
    resets_at: int

    @property
    def left(self) -> int:
        """Return what can be spent now."""
        return self.today + self.kept


def balance(session: Session, flow: Flow, plan: Plan, now: datetime) -> Balance:
    """Return the member's credits, granting today's allowance if this is the first look at it."""
    day = now.astimezone(UTC).date()
    _open(session, flow, plan, purse=day.isoformat())
    sums = _sums(session, flow, (day.isoformat(), KEPT))
    midnight = datetime.combine(day + timedelta(days=1), time(), UTC)
    return Balance(
        today=sums.get(day.isoformat(), 0),
        kept=sums.get(KEPT, 0),
        daily=plan.daily_credits,
        resets_at=int(midnight.timestamp()),
    )


def hold(
    session: Session, flow: Flow, plan: Plan, reference: str, price: int, now: datetime
) -> Balance:
    """Take `price` credits for order `reference`, today's before kept ones; return what is left.

    Raises CreditsSpent and then changes nothing.
    """
    before = balance(session, flow, plan, now)
    if before.left < price:
        raise CreditsSpent(price=price, left=before.left, resets_at=before.resets_at)
    today = min(before.today, price)
    parts = {now.astimezone(UTC).date().isoformat(): today, KEPT: price - today}
    for purse, part in parts.items():
        if part:
            _add(session, flow, purse, "hold", -part, reference)
    session.flush()
    return Balance(
        before.today - today, before.kept - (price - today), before.daily, before.resets_at
    )


def close(session: Session, flow: Flow, reference: str, due: int) -> None:
    """End a hold: keep `due` credits of it and give the rest back to the purses it came from.

    The entries are `settle`, or `refund` where nothing is due. Gifts come back first, since they
    were taken last. It only gives, so it needs no lock. Raises IntegrityError if the hold was
    already closed.
    """
    kind = "settle" if due else "refund"
    for purse, held in sorted(_held(session, flow, reference).items()):  # days sort before "kept"
        kept = min(held, due)
        due -= kept
        _add(session, flow, purse, kind, held - kept, reference)
    session.flush()


def grant(session: Session, flow: Flow, amount: int, reference: str) -> None:
    """Give lasting credits; the same `reference` gives once. Raises IntegrityError on a repeat."""
    _ensure_account(session, flow)
    _add(session, flow, KEPT, "grant", amount, reference)
    session.flush()


def _open(session: Session, flow: Flow, plan: Plan, *, purse: str) -> None:
    _ensure_account(session, flow)
    session.execute(
        select(Account.user_id)
        .where(Account.guild_id == flow.guild_id, Account.user_id == flow.user_id)
        .with_for_update()
    )
    granted = select(LedgerEntry.id).where(*_of(flow), LedgerEntry.reference == f"daily:{purse}")
    if session.scalar(granted) is None:
        _add(session, flow, purse, "grant", plan.daily_credits, f"daily:{purse}")
        session.flush()


def _ensure_account(session: Session, flow: Flow) -> None:
    values = {"guild_id": flow.guild_id, "user_id": flow.user_id}
    session.execute(upsert(session, Account).values(values).on_conflict_do_nothing())


def _sums(session: Session, flow: Flow, purses: tuple[str, ...]) -> Mapping[str, int]:
    sums = select(LedgerEntry.purse, func.sum(LedgerEntry.amount)).where(
        *_of(flow), LedgerEntry.purse.in_(purses)
    )
    return {purse: int(total) for purse, total in session.execute(sums.group_by(LedgerEntry.purse))}


def _held(session: Session, flow: Flow, reference: str) -> Mapping[str, int]:
    holds = select(LedgerEntry.purse, LedgerEntry.amount).where(
        *_of(flow), LedgerEntry.reference == reference, LedgerEntry.kind == "hold"
    )
    return {purse: -amount for purse, amount in session.execute(holds)}


def _of(flow: Flow) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return LedgerEntry.guild_id == flow.guild_id, LedgerEntry.user_id == flow.user_id


def _add(session: Session, flow: Flow, purse: str, kind: str, amount: int, reference: str) -> None:
    session.add(
        LedgerEntry(
            guild_id=flow.guild_id,
            user_id=flow.user_id,
            purse=purse,
            kind=kind,
            amount=amount,
            reference=reference,
        )
    )
