"""The accounts after a storm: what SQL says, held against what stands in Discord."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from local import reading
from local.discord.world import World
from store.tables.lines import Lane
from store.tables.money import LedgerEntry
from store.tables.orders import Generation, Image
from tests.chaos.members import Shown, shown

Entries = Mapping[str, Sequence[LedgerEntry]]


@dataclass
class Accounts:
    """How every order ended, and what is wrong, by the order's id.

    `reasons` counts why orders were refunded in full, `missing` why delivered ones lack pictures:
    by error code, or as cancelled. `failures` are the pictures behind the error codes.
    """

    orders: int = 0
    delivered: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    failures: list[Image] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    ledger: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)

    @property
    def refunded(self) -> int:
        """Return how many orders were refunded in full."""
        return self.reasons.total()

    @property
    def clean(self) -> bool:
        """Tell whether nothing is wrong."""
        return not (self.lost or self.doubled or self.ledger or self.stuck or self.strange)

    def __str__(self) -> str:
        """Return the line that the run ends with."""
        ledger = "exact" if not self.ledger else f"wrong:{len(self.ledger)}"
        why = f" ({counted(self.reasons)})" if self.reasons else ""
        return (
            f"orders={self.orders} delivered={self.delivered} refunded={self.refunded}{why} "
            f"lost={len(self.lost)} doubled={len(self.doubled)} ledger={ledger}"
        )

    def wrong(self) -> Iterable[str]:
        """Name each order with what is wrong about it."""
        for name in ("lost", "doubled", "ledger", "stuck", "strange"):
            yield from (f"{name}: {each}" for each in getattr(self, name))


def counted(numbers: Mapping[str, int]) -> str:
    """Return names and numbers as they are printed."""
    return ", ".join(f"{name} {number}" for name, number in sorted(numbers.items()))


def count(session: Session) -> int:
    """Return how many orders were placed."""
    return session.scalar(select(func.count()).select_from(Generation)) or 0


def unsettled(session: Session) -> int:
    """Return how many orders are open or not shown yet."""
    waits = (Generation.status == "open") | (
        Generation.delivered_at.is_(None) & Generation.deleted_at.is_(None)
    )
    return session.scalar(select(func.count()).select_from(Generation).where(waits)) or 0


def audit(session: Session, world: World, removed: Collection[str]) -> Accounts:
    """Hold each order against its messages and its ledger entries."""
    accounts = Accounts()
    cards = defaultdict[str, list[Shown]](list)
    for one in shown(world):
        cards[one.generation_id].append(one)
    entries = defaultdict[str, list[LedgerEntry]](list)
    for entry in session.scalars(select(LedgerEntry)):
        entries[entry.reference].append(entry)
    rows = select(Generation).options(selectinload(Generation.images)).order_by(Generation.id)
    for row in session.scalars(rows):
        accounts.orders += 1
        _order(accounts, row, entries[row.id])
        _messages(accounts, row, cards.pop(row.id, []), removed, world)
    accounts.strange += [f"{each}: a card of no order" for each in cards]
    _leases(accounts, session)
    return accounts


def _order(accounts: Accounts, row: Generation, entries: Sequence[LedgerEntry]) -> None:
    done = sum(image.status == "done" for image in row.images)
    if row.status == "open" or row.finished_at is None:
        accounts.lost.append(f"{row.id}: still open")
        return
    accounts.delivered += row.status == "done"
    if row.status != "done":
        accounts.reasons[_code(row)] += 1
    else:
        accounts.missing.update(_code(image) for image in row.images if image.status != "done")
    accounts.failures += [image for image in row.images if image.status == "failed"]
    if (row.status == "done") != (done > 0):
        accounts.strange.append(f"{row.id}: {row.status} with {done} pictures")
    due = row.price // len(row.images) * done
    paid = -sum(entry.amount for entry in entries)
    held = sorted(entry.purse for entry in entries if entry.kind == "hold")
    closed = sorted(entry.purse for entry in entries if entry.kind != "hold")
    ends = {entry.kind for entry in entries if entry.kind != "hold"}
    if paid != due or held != closed or ends > {"settle" if due else "refund"}:
        accounts.ledger.append(f"{row.id}: paid {paid} of {due}, held {held}, closed {closed}")


def _code(row: Generation | Image) -> str:
    return str(row.error["code"]) if row.error else row.status


def _messages(
    accounts: Accounts, row: Generation, cards: Sequence[Shown], removed: Collection[str], w: World
) -> None:
    ended = [card for card in cards if card.ended]
    if len(ended) > 1:
        accounts.doubled.append(f"{row.id}: {[card.message.id for card in ended]}")
    if row.deleted_at is not None or row.status == "open":
        return
    if row.delivered_at is None or not (ended or row.id in removed):
        accounts.lost.append(f"{row.id}: {row.status}, delivered_at={row.delivered_at}")
    if len(ended) != len(cards):
        accounts.strange.append(f"{row.id}: a card still says that it waits")
    expected = [image.pixel_sha256 for image in row.images if image.status == "done"]
    for card in ended:
        pictures = reading.pictures(card.message, w.backend.cdn)
        if [picture.pixel_sha256 for picture in pictures] != expected:
            accounts.strange.append(f"{row.id}: {len(pictures)} of {len(expected)} pictures shown")


def _leases(accounts: Accounts, session: Session) -> None:
    held = select(Image).where(
        Image.status.in_(("queued", "running")) | Image.lease_until.is_not(None)
    )
    for image in session.scalars(held):
        accounts.stuck.append(f"{image.generation_id}-{image.index}: {image.status}")
    for lane in session.scalars(select(Lane).where(Lane.head_at.is_not(None))):
        accounts.stuck.append(f"lane {lane.id} of {lane.user_id}: shows an image that waits")
