"""What members have chosen for every server they are in; knows no option's meaning."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.database import upsert
from store.tables.servers import Member


def defaults(session: Session) -> dict[int, dict[str, Any]]:
    """Return the defaults of every member that has any."""
    chosen = select(Member.user_id, Member.defaults).where(Member.defaults.is_not(None))
    return {user_id: options for user_id, options in session.execute(chosen) if options}


def set_defaults(
    session: Session, user_id: int, changes: Mapping[str, Any], dropped: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Change some of a member's defaults, drop others; return what then is chosen."""
    member = lock(session, user_id)
    kept = {name: one for name, one in (member.defaults or {}).items() if name not in dropped}
    member.defaults = {**kept, **changes} or None
    session.flush()
    return dict(member.defaults or {})


def found(session: Session, user_id: int) -> Member | None:
    """Return the member's row, if there is one."""
    return session.get(Member, user_id)


def lock(session: Session, user_id: int) -> Member:
    """Return the member's row, made where it is missing, locked until the transaction ends."""
    made = upsert(session, Member).values(user_id=user_id)
    session.execute(made.on_conflict_do_nothing())
    row = select(Member).where(Member.user_id == user_id).with_for_update()
    return session.execute(row.execution_options(populate_existing=True)).scalar_one()
