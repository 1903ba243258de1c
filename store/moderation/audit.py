"""The audit log: what moderators, managers and hosts have done, written with the deed itself.

Append-only. An entry stands in the transaction of what it tells of, so that neither is there
without the other. It tells ids and numbers, never a prompt.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import event, select
from sqlalchemy.orm import Session

from store.tables.moderation import AuditEntry

HOST = 0
"""The guild of what concerns no server, and the actor where nobody of Discord's did it."""


class AuditChanged(Exception):
    """A mistake of ours: an entry of the log was to be changed or taken out."""


def record(
    session: Session,
    guild_id: int,
    actor_id: int,
    action: str,
    *,
    target_id: int | None = None,
    generation_id: str | None = None,
    details: Mapping[str, object] | None = None,
) -> None:
    """Write down that `actor_id` did `action` in a server, to whom or to which order."""
    session.add(
        AuditEntry(
            guild_id=guild_id,
            actor_id=actor_id,
            action=action,
            target_id=target_id,
            generation_id=generation_id,
            details=dict(details) if details else None,
        )
    )
    session.flush()


def page(
    session: Session, guild_id: int, *, offset: int = 0, limit: int = 10, action: str = ""
) -> Sequence[AuditEntry]:
    """Return a server's entries, newest first; only those whose action begins with `action`."""
    entries = select(AuditEntry).where(AuditEntry.guild_id == guild_id)
    if action:
        entries = entries.where(AuditEntry.action.startswith(action, autoescape=True))
    return session.scalars(entries.order_by(AuditEntry.id.desc()).offset(offset).limit(limit)).all()


@event.listens_for(AuditEntry, "before_update")
@event.listens_for(AuditEntry, "before_delete")
def _refuse(_mapper: object, _connection: object, _entry: AuditEntry) -> None:
    raise AuditChanged
