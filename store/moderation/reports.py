"""Members' reports of orders, and the case that moderators see; knows no Discord.

A member reports an order once. The case is one message of the moderators' channel, made anew by
what stands here, and closed for good by one of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session, selectinload

from store.clock import now_ms
from store.database import upsert
from store.errors import Gone
from store.moderation import audit
from store.moderation.errors import CaseClosed, ReportedAlready, ReportOfOwn, ReportsOff
from store.orders import deliveries, generations
from store.tables.moderation import AuditEntry, Case, Report
from store.tables.orders import Generation
from store.tables.servers import Server

POSTING_MS = 60_000
"""Who posts a case has as long; then the next report posts it."""
SHOWN = 10
ACTS = "report."
"""How the names of moderators' deeds begin in the audit log."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A case with all that its message tells."""

    case: Case
    generation: Generation
    reports: Sequence[Report]
    acts: Sequence[AuditEntry]


def file(session: Session, generation_id: str, guild_id: int, user_id: int, reason: str) -> bool:
    """Keep a report; return whether its case is to be posted by the caller.

    Raises ReportsOff, Gone, ReportOfOwn, ReportedAlready or CaseClosed.
    """
    server = session.get(Server, guild_id)
    if server is None or server.reports_channel_id is None:
        raise ReportsOff
    generation = generations.get(session, generation_id)
    if generation.guild_id != guild_id:
        raise Gone(id=generation_id)
    if generation.user_id == user_id:
        raise ReportOfOwn
    made = upsert(session, Report).values(
        generation_id=generation_id, user_id=user_id, reason=reason
    )
    if session.execute(made.on_conflict_do_nothing().returning(Report.user_id)).first() is None:
        raise ReportedAlready
    return _opened(session, generation_id, guild_id, server.reports_channel_id)


def check_new(session: Session, generation_id: str, guild_id: int, user_id: int) -> None:
    """Raise what `file` would raise, before a member writes down why."""
    with session.begin_nested() as attempt:
        file(session, generation_id, guild_id, user_id, "")
        attempt.rollback()


def seen(session: Session, generation_id: str) -> Seen:
    """Return a case; its order may be deleted. Raises Gone."""
    case = session.get(Case, generation_id)
    row = select(Generation).where(Generation.id == generation_id)
    generation = session.scalar(row.options(selectinload(Generation.images)))
    if case is None or generation is None:
        raise Gone(id=generation_id)
    told = select(Report).where(Report.generation_id == generation_id)
    done = select(AuditEntry).where(
        AuditEntry.guild_id == case.guild_id,
        AuditEntry.generation_id == generation_id,
        AuditEntry.action.startswith(ACTS),
    )
    return Seen(
        case,
        generation,
        session.scalars(told.order_by(Report.created_at).limit(SHOWN)).all(),
        session.scalars(done.order_by(AuditEntry.id).limit(SHOWN)).all(),
    )


def is_reported(session: Session, generation_id: str) -> bool:
    """Tell whether an order has a case."""
    return session.get(Case, generation_id) is not None


def posted(session: Session, generation_id: str, message_id: int) -> None:
    """Record where a case is shown."""
    here = update(Case).where(Case.generation_id == generation_id)
    session.execute(here.values(message_id=message_id))


def lost(session: Session, generation_id: str) -> None:
    """Take note that a case's message is gone, to be posted by the caller where reports go now."""
    case = session.get_one(Case, generation_id)
    server = session.get_one(Server, case.guild_id)
    case.message_id, case.tried_at = None, now_ms()
    case.channel_id = server.reports_channel_id or case.channel_id
    session.flush()


def unposted(session: Session, generation_id: str) -> None:
    """Give the posting up: the next report may try again."""
    here = update(Case).where(_unposted(generation_id))
    session.execute(here.values(tried_at=0))


def act(
    session: Session,
    generation_id: str,
    by_id: int,
    action: str,
    *,
    hours: int | None = None,
) -> None:
    """Write a moderator's deed down. Raises Gone, or CaseClosed after it was dismissed."""
    found = seen(session, generation_id)
    if found.case.outcome:
        raise CaseClosed
    audit.record(
        session,
        found.case.guild_id,
        by_id,
        f"{ACTS}{action}",
        target_id=found.generation.user_id,
        generation_id=generation_id,
        details={"hours": hours} if hours else None,
    )


def close(session: Session, generation_id: str, by_id: int) -> None:
    """Close a case for good: its reports were looked at."""
    act(session, generation_id, by_id, "dismiss")
    here = update(Case).where(Case.generation_id == generation_id)
    session.execute(here.values(outcome="dismissed", closed_by=by_id))


def hide(session: Session, generation_id: str) -> None:
    """Put an order's pictures behind spoilers, and its card up anew. Raises Gone."""
    generations.get(session, generation_id)
    generation = generations.lock(session, generation_id)
    generation.spoiler = True
    deliveries.again(session, generation)


def _opened(session: Session, generation_id: str, guild_id: int, channel_id: int) -> bool:
    made = upsert(session, Case).values(
        generation_id=generation_id, guild_id=guild_id, channel_id=channel_id
    )
    new = session.execute(made.on_conflict_do_nothing().returning(Case.guild_id)).first()
    if new is not None:
        return True
    case = session.get_one(Case, generation_id, populate_existing=True)
    if case.outcome:
        raise CaseClosed
    late = _unposted(generation_id) & (Case.tried_at < now_ms() - POSTING_MS)
    again = update(Case).where(late).values(tried_at=now_ms(), channel_id=channel_id)
    return session.execute(again.returning(Case.guild_id)).first() is not None


def _unposted(generation_id: str) -> ColumnElement[bool]:
    return (Case.generation_id == generation_id) & Case.message_id.is_(None)
