"""What members have chosen for the labels in their files, and the log of copies without one.

Who asks for copies without the label that people see agrees to label them where that is due; whom
such copies were made for is kept for half a year, whatever becomes of the order.
"""

from dataclasses import dataclass

from sqlalchemy import delete
from sqlalchemy.orm import Session

from store import clock
from store.choices import members
from store.clock import now_ms
from store.database import upsert
from store.orders.order import Order
from store.tables.orders import Handout
from store.tables.servers import Member

KEPT_MS = 184 * 86_400_000
"""The labelling measures ask for six months, the longest of which have 184 days."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A member's choices: a prompt that stays out of files, copies without the visible label."""

    wordless: bool = False
    label_free_at: int | None = None


def read(session: Session, user_id: int) -> Chosen:
    """Return what a member has chosen."""
    member = session.get(Member, user_id)
    return Chosen(bool(member.wordless), member.label_free_at) if member else Chosen()


def set_wordless(session: Session, user_id: int, *, on: bool) -> Chosen:
    """Keep a member's prompts out of the files of their next orders, or let them in."""
    member = members.lock(session, user_id)
    member.wordless = on or None
    session.flush()
    return read(session, user_id)


def set_label_free(session: Session, user_id: int, *, on: bool) -> Chosen:
    """Note that a member agrees to what copies without the visible label ask, or no longer does."""
    member = members.lock(session, user_id)
    member.label_free_at = clock.now(session) if on else None
    session.flush()
    return read(session, user_id)


def note(session: Session, order: Order, chosen: Chosen) -> None:
    """Log an order whose copies will bear no visible label; the same order once."""
    if chosen.label_free_at is None:
        return
    made = upsert(session, Handout).values(
        generation_id=order.id,
        guild_id=order.guild_id,
        user_id=order.user_id,
        agreed_at=chosen.label_free_at,
    )
    session.execute(made.on_conflict_do_nothing())


def forget_old(session: Session) -> None:
    """Remove what has been in the log for long enough."""
    session.execute(delete(Handout).where(Handout.created_at < now_ms() - KEPT_MS))
