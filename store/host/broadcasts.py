"""What the host says to every server, and which of them have been told; knows no Discord."""

from collections.abc import Set

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from store.clock import now_ms
from store.database import upsert
from store.moderation import audit
from store.tables.host import Broadcast, BroadcastPost

UNTOLD = 0
"""The message of a server that could not be told."""


def begin(session: Session, said: str, *, by: int) -> int:
    """Take on saying something to every server; return its number."""
    broadcast = Broadcast(said=said, by_id=by)
    session.add(broadcast)
    session.flush()
    details = {"broadcast": broadcast.id, "length": len(said)}
    audit.record(session, audit.HOST, by, "host.broadcast", details=details)
    return broadcast.id


def unfinished(session: Session) -> Broadcast | None:
    """Return the oldest that has not been said everywhere."""
    waiting = select(Broadcast).where(Broadcast.finished_at.is_(None))
    return session.scalar(waiting.order_by(Broadcast.id).limit(1))


def told(session: Session, broadcast_id: int) -> Set[int]:
    """Return the servers that need not be told any more."""
    posts = select(BroadcastPost.guild_id).where(BroadcastPost.broadcast_id == broadcast_id)
    return frozenset(session.scalars(posts))


def posted(session: Session, broadcast_id: int, guild_id: int, message_id: int) -> None:
    """Record that a server was told, or, as `UNTOLD`, could not be."""
    post = upsert(session, BroadcastPost).values(
        broadcast_id=broadcast_id, guild_id=guild_id, message_id=message_id
    )
    session.execute(post.on_conflict_do_nothing())


def finish(session: Session, broadcast_id: int) -> tuple[int, int]:
    """Record that all were told; return how many were, and how many could not be."""
    ended = update(Broadcast).where(Broadcast.id == broadcast_id)
    session.execute(ended.values(finished_at=now_ms()))
    counts = (
        select(func.count())
        .select_from(BroadcastPost)
        .where(BroadcastPost.broadcast_id == broadcast_id)
    )
    reached = session.scalar(counts.where(BroadcastPost.message_id != UNTOLD)) or 0
    return reached, (session.scalar(counts) or 0) - reached
