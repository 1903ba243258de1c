"""Hearts for orders, and which of them hang in a server's showcase. It knows no Discord.

A heart is a member's word for another's order, given once and taken back the same way. What hangs
stays when hearts are taken back, and goes with its order.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from store.clock import now_ms
from store.database import upsert
from store.errors import Gone, HeartForOwn
from store.moderation import sanctions
from store.orders import generations
from store.tables.orders import Generation
from store.tables.showcase import Exhibit, Heart, Shy

HANGING_MS = 60_000
"""Who hangs a picture has as long; then another may try."""
TAKEN_DOWN = 0
"""The message of what hung once and must not again."""
NOWHERE = 0
"""The channel of what has never hung and must not."""


@dataclass(frozen=True, slots=True)
class Hearts:
    """An order's hearts after a press: how many, and whether the press gave one."""

    generation: Generation
    count: int
    is_given: bool


def toggle(session: Session, generation_id: str, guild_id: int, user_id: int) -> Hearts:
    """Give a member's heart, or take it back.

    Raises Gone, HeartForOwn, or MemberSuspended or MemberBanned: who may not order has no say in
    what hangs, but may take a heart back.
    """
    generation = generations.get(session, generation_id)
    if generation.guild_id != guild_id or generation.status != "done":
        raise Gone(id=generation_id)
    if generation.user_id == user_id:
        raise HeartForOwn
    mine = (Heart.generation_id == generation_id, Heart.user_id == user_id)
    taken = session.execute(delete(Heart).where(*mine).returning(Heart.user_id)).first()
    if taken is None:
        sanctions.check(session, guild_id, user_id)
        given = upsert(session, Heart).values(generation_id=generation_id, user_id=user_id)
        session.execute(given.on_conflict_do_nothing())
    return Hearts(generation, count(session, generation_id), taken is None)


def count(session: Session, generation_id: str) -> int:
    """Return an order's hearts."""
    hearts = select(func.count()).where(Heart.generation_id == generation_id)
    return session.scalar(hearts) or 0


def reserve(session: Session, generation: Generation, channel_id: int) -> bool:
    """Take on the hanging of an order in a channel; False where it hangs, or another is at it.

    Also False where its member wants none of theirs shown.
    """
    if is_shy(session, generation.guild_id, generation.user_id):
        return False
    hang = upsert(session, Exhibit).values(generation_id=generation.id, channel_id=channel_id)
    late = Exhibit.message_id.is_(None) & (Exhibit.tried_at < now_ms() - HANGING_MS)
    again = {"channel_id": channel_id, "tried_at": now_ms()}
    hang = hang.on_conflict_do_update(
        index_elements=[Exhibit.generation_id], set_=again, where=late
    )
    return session.execute(hang.returning(Exhibit.generation_id)).first() is not None


def hung(session: Session, generation_id: str, message_id: int) -> bool:
    """Record where an order hangs; False where it has been deleted or taken down meanwhile."""
    there = select(Generation.id).where(
        Generation.id == generation_id, Generation.deleted_at.is_(None)
    )
    if session.scalar(there.with_for_update()) is None:
        return False
    hangs = update(Exhibit).where(_unhung(generation_id)).values(message_id=message_id)
    return session.execute(hangs.returning(Exhibit.generation_id)).first() is not None


def let_go(session: Session, generation_id: str) -> None:
    """Give up the hanging: the next heart may try again."""
    session.execute(delete(Exhibit).where(_unhung(generation_id)))


def exhibit(session: Session, generation_id: str) -> Exhibit | None:
    """Return where an order hangs."""
    found = session.get(Exhibit, generation_id)
    return found if found is not None and found.message_id else None


def take_down(session: Session, generation_id: str) -> tuple[int, int] | None:
    """Let an order hang nowhere from now on; return the channel and message that showed it."""
    row = select(Exhibit).where(Exhibit.generation_id == generation_id).with_for_update()
    found = session.scalar(row)
    if found is None:
        return None
    shown, found.message_id = found.message_id, TAKEN_DOWN
    session.flush()
    return (found.channel_id, shown) if shown else None


def keep_out(session: Session, generation_id: str) -> tuple[int, int] | None:
    """Take an order down as `take_down` does, and let one that has never hung hang never."""
    shown = take_down(session, generation_id)
    barred = upsert(session, Exhibit).values(
        generation_id=generation_id, channel_id=NOWHERE, message_id=TAKEN_DOWN
    )
    session.execute(barred.on_conflict_do_nothing())
    return shown


def is_shy(session: Session, guild_id: int, user_id: int) -> bool:
    """Tell whether a member wants nothing of theirs shown."""
    return session.get(Shy, (guild_id, user_id)) is not None


def set_shy(session: Session, guild_id: int, user_id: int, shy: bool) -> None:
    """Choose whether a member's pictures may be shown."""
    if shy:
        wish = upsert(session, Shy).values(guild_id=guild_id, user_id=user_id)
        session.execute(wish.on_conflict_do_nothing())
    else:
        session.execute(delete(Shy).where(Shy.guild_id == guild_id, Shy.user_id == user_id))


def _unhung(generation_id: str) -> ColumnElement[bool]:
    return (Exhibit.generation_id == generation_id) & Exhibit.message_id.is_(None)
