"""Members who may not order in a server, for a time or for good; knows no reason and no report."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, delete, or_, select
from sqlalchemy.orm import Session

from store.clock import now_ms
from store.database import upsert
from store.moderation import audit
from store.moderation.errors import MemberBanned, MemberSuspended, NotSanctioned
from store.orders import generations
from store.tables.moderation import Sanction
from store.tables.orders import Generation
from store.tables.servers import Server
from store.training import trainings


def check(session: Session, guild_id: int, user_id: int) -> None:
    """Raise MemberSuspended or MemberBanned, with how to appeal."""
    found = session.scalar(_standing().where(*_of(guild_id, user_id)))
    if found is None:
        return
    how = appeals(session, guild_id)
    if found.until_at is None:
        raise MemberBanned(appeals=how)
    raise MemberSuspended(until=found.until_at // 1000, appeals=how)


def appeals(session: Session, guild_id: int) -> str:
    """Return what a server says to those who want to appeal; empty where it says nothing."""
    server = session.get(Server, guild_id)
    return (server.appeals if server else None) or ""


def put(session: Session, guild_id: int, user_id: int, hours: int | None, by_id: int) -> None:
    """Let a member order nothing for so many hours, or with None for good; end what is open."""
    until = None if hours is None else now_ms() + hours * 3_600_000
    values = {"until_at": until, "by_id": by_id, "created_at": now_ms()}
    made = upsert(session, Sanction).values(guild_id=guild_id, user_id=user_id, **values)
    session.execute(made.on_conflict_do_update(index_elements=["guild_id", "user_id"], set_=values))
    is_open = (Generation.status == "open", Generation.deleted_at.is_(None))
    mine = (Generation.guild_id == guild_id, Generation.user_id == user_id)
    for generation_id in session.scalars(select(Generation.id).where(*mine, *is_open)).all():
        generations.cancel(session, generation_id, user_id, moderator=False)
    training = trainings.open_of(session, user_id)
    if training is not None and training.guild_id == guild_id:
        trainings.cancel(session, training.lora_id)


def lift(session: Session, guild_id: int, user_id: int, by_id: int) -> None:
    """Let a member order again. Raises NotSanctioned."""
    gone = delete(Sanction).where(*_of(guild_id, user_id)).returning(Sanction.user_id)
    if session.execute(gone).first() is None:
        raise NotSanctioned
    audit.record(session, guild_id, by_id, "pardon", target_id=user_id)


def of(session: Session, guild_id: int) -> Sequence[Sanction]:
    """Return whom a server lets order nothing at the moment, the newest first."""
    here = _standing().where(Sanction.guild_id == guild_id)
    return session.scalars(here.order_by(Sanction.created_at.desc())).all()


def _standing() -> Select[Sanction]:
    return select(Sanction).where(or_(Sanction.until_at.is_(None), Sanction.until_at > now_ms()))


def _of(guild_id: int, user_id: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Sanction.guild_id == guild_id, Sanction.user_id == user_id
