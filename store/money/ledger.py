"""The credit ledger: append-only entries, balances as sums, holds that cannot overspend.

`now` is the time in the server's own zone: its date names the purse of today's allowance, which is
the largest that the member's plans gave on that date. A look grants nothing; whatever takes or
gives does, with the account locked.

An order's price is held when it is placed and closed once: settled for the pictures delivered,
refunded whole where there are none. The account's row is the lock, so that parallel orders of one
member queue here and different members never wait for each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sqlalchemy import ColumnElement, case, func, or_, select
from sqlalchemy.orm import Session

from store.database import upsert
from store.money.errors import CreditsSpent
from store.money.plans import Plan
from store.tables.money import Account, LedgerEntry

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
    """Return what a member has, with what `plan` still gives for today; change nothing."""
    day = now.date().isoformat()
    sums = _sums(session, flow, (day, KEPT))
    today, granted = sums.get(day, (0, 0))
    kept, _ = sums.get(KEPT, (0, 0))
    return Balance(
        today=today + max(0, plan.daily_credits - granted),
        kept=kept,
        daily=max(granted, plan.daily_credits),
        resets_at=resets_at(now),
    )


def resets_at(now: datetime) -> int:
    """Return the next midnight where `now` is, in epoch seconds."""
    midnight = datetime.combine(now.date() + timedelta(days=1), time(), now.tzinfo)
    return int(midnight.timestamp())


def lock(session: Session, flow: Flow) -> None:
    """Hold the account until the transaction ends."""
    values = {"guild_id": flow.guild_id, "user_id": flow.user_id}
    session.execute(upsert(session, Account).values(values).on_conflict_do_nothing())
    session.execute(
        select(Account.user_id)
        .where(Account.guild_id == flow.guild_id, Account.user_id == flow.user_id)
        .with_for_update()
    )


def hold(
    session: Session, flow: Flow, plan: Plan, reference: str, price: int, now: datetime
) -> Balance:
    """Take `price` credits for order `reference`, today's before kept ones; return what is left.

    Raises CreditsSpent and then changes nothing.
    """
    lock(session, flow)
    before = balance(session, flow, plan, now)
    if before.left < price:
        raise CreditsSpent(price=price, left=before.left, resets_at=before.resets_at)
    _grant_today(session, flow, plan, now.date().isoformat())
    today = min(before.today, price)
    parts = {now.date().isoformat(): today, KEPT: price - today}
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


def give_back(session: Session, flow: Flow, order: str, amount: int, reference: str) -> None:
    """Return `amount` credits of a settled order to the purses they came from, once.

    Gifts come back first, as in `close`. The order's row is locked. Raises IntegrityError where
    `reference` gave back before.
    """
    spent = _held(session, flow, order)
    for purse, back in _settled(session, flow, order).items():
        spent[purse] -= back
    for purse, left in sorted(spent.items(), reverse=True):  # "kept" sorts after days
        back = min(left, amount)
        amount -= back
        if back:
            _add(session, flow, purse, "refund", back, reference)
    session.flush()


def grant(
    session: Session, flow: Flow, amount: int, reference: str, *, by: int | None = None
) -> None:
    """Give lasting credits, from the member `by` if they are a gift; each `reference` gives once.

    Raises IntegrityError on a repeat.
    """
    lock(session, flow)
    _add(session, flow, KEPT, "grant", amount, reference, by)
    session.flush()


def was_granted(session: Session, flow: Flow, reference: str) -> bool:
    """Tell whether a grant of this reference was made; sure while the account is locked."""
    granted = select(LedgerEntry.id).where(
        *_of(flow), LedgerEntry.reference == reference, LedgerEntry.kind == "grant"
    )
    return session.scalar(granted) is not None


def _grant_today(session: Session, flow: Flow, plan: Plan, purse: str) -> None:
    _, granted = _sums(session, flow, (purse,)).get(purse, (0, 0))
    if (missing := plan.daily_credits - granted) > 0:
        # A better plan later in the day adds what is missing to it.
        _add(session, flow, purse, "grant", missing, f"daily:{purse}:{plan.daily_credits}")
        session.flush()


def _sums(session: Session, flow: Flow, purses: tuple[str, ...]) -> Mapping[str, tuple[int, int]]:
    """Return by purse what is in it and what was ever granted to it."""
    is_grant = case((LedgerEntry.kind == "grant", LedgerEntry.amount), else_=0)
    sums = select(LedgerEntry.purse, func.sum(LedgerEntry.amount), func.sum(is_grant)).where(
        *_of(flow), LedgerEntry.purse.in_(purses)
    )
    rows = session.execute(sums.group_by(LedgerEntry.purse))
    return {purse: (int(total), int(granted)) for purse, total, granted in rows}


def _settled(session: Session, flow: Flow, order: str) -> Mapping[str, int]:
    """Return by purse what has come back of an order: at its end, and for single pictures since."""
    came = select(LedgerEntry.purse, func.sum(LedgerEntry.amount)).where(
        *_of(flow),
        or_(LedgerEntry.reference == order, LedgerEntry.reference.startswith(f"{order}-")),
        LedgerEntry.kind.in_(("settle", "refund")),
    )
    return {purse: int(sum_) for purse, sum_ in session.execute(came.group_by(LedgerEntry.purse))}


def _held(session: Session, flow: Flow, reference: str) -> dict[str, int]:
    holds = select(LedgerEntry.purse, LedgerEntry.amount).where(
        *_of(flow), LedgerEntry.reference == reference, LedgerEntry.kind == "hold"
    )
    return {purse: -amount for purse, amount in session.execute(holds)}


def _of(flow: Flow) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return LedgerEntry.guild_id == flow.guild_id, LedgerEntry.user_id == flow.user_id


def _add(
    session: Session,
    flow: Flow,
    purse: str,
    kind: str,
    amount: int,
    reference: str,
    by: int | None = None,
) -> None:
    session.add(
        LedgerEntry(
            guild_id=flow.guild_id,
            user_id=flow.user_id,
            purse=purse,
            kind=kind,
            amount=amount,
            reference=reference,
            by_id=by,
        )
    )
