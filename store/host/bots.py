"""Which process answers for an application: one at a time, the next when it leaves or goes silent.

Two at once would both hear every command, and each would answer half of what the other began.
"""

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from store.clock import now_ms
from store.database import upsert
from store.tables.host import Bot

SILENT_MS = 15_000
"""Who has said nothing for so long is gone; it says something every few seconds."""


def take(session: Session, application_id: int, name: str) -> str | None:
    """Answer for the application from now on; return who does so instead, if somebody does."""
    values = {"name": name, "seen_at": now_ms()}
    taken = upsert(session, Bot).values(application_id=application_id, **values)
    free = or_(Bot.name == name, Bot.seen_at < now_ms() - SILENT_MS)
    taken = taken.on_conflict_do_update(index_elements=["application_id"], set_=values, where=free)
    if session.execute(taken.returning(Bot.name)).first() is not None:
        return None
    return session.scalar(select(Bot.name).where(Bot.application_id == application_id))


def is_unheard(session: Session) -> bool:
    """Tell whether no bot could say of late that it is there: then nothing can be written.

    For a process that knows a bot to be alive. Where none has ever said so, nothing is known.
    """
    said = select(Bot.seen_at > now_ms() - SILENT_MS)
    heard = session.scalars(said).all()
    return bool(heard) and not any(heard)


def leave(session: Session, application_id: int, name: str) -> None:
    """Let the next one answer at once."""
    mine = (Bot.application_id == application_id, Bot.name == name)
    session.execute(delete(Bot).where(*mine))
