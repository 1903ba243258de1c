"""What a web page may show: a showcase to everybody, and to members their own; nothing is written.

Everybody sees only what hangs in the showcases that the host has named, and of it nothing that is
age-restricted, under a spoiler, in review, deleted, or of a member who wants nothing shown.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, and_, exists, select
from sqlalchemy.orm import Session, selectinload

from store.orders import searches
from store.tables.orders import Generation, Image
from store.tables.showcase import Exhibit, Shy

MOST = 10_000
"""What hangs in all servers together and is looked through at the most, the newest first."""
LIVE = (Generation.status == "done", Generation.deleted_at.is_(None))


def showcase(
    session: Session, guild_ids: Collection[int], *, offset: int, limit: int
) -> Sequence[Generation]:
    """Return what hangs in these servers, what was hung last first."""
    hung = select(Exhibit.generation_id, Exhibit.tried_at).where(Exhibit.message_id > 0)
    # Gathered first: SQLite would rather look at each order of a server for whether it hangs.
    newest = hung.order_by(Exhibit.tried_at.desc()).limit(MOST).subquery()
    return session.scalars(
        select(Generation)
        .join(newest, newest.c.generation_id == Generation.id)
        .where(*_open(guild_ids))
        .order_by(newest.c.tried_at.desc(), Generation.id)
        .offset(offset)
        .limit(limit)
        .options(selectinload(Generation.images))
    ).all()


def shown(
    session: Session, guild_ids: Collection[int], generation_id: str, index: int
) -> Image | None:
    """Return a picture that everybody may see; None where it is not one."""
    return session.scalar(
        select(Image)
        .join(Generation)
        .join(Exhibit, Exhibit.generation_id == Generation.id)
        .where(Image.generation_id == generation_id, Image.index == index, *_open(guild_ids))
        .where(Exhibit.message_id > 0, Image.file_sha256.is_not(None), Image.review.is_(None))
    )


def own(session: Session, user_id: int, *, offset: int, limit: int) -> Sequence[Generation]:
    """Return a member's own orders in all servers, newest first."""
    return session.scalars(
        select(Generation)
        .where(*searches.of_member(user_id), *LIVE)
        .order_by(Generation.created_at.desc(), Generation.id)
        .offset(offset)
        .limit(limit)
        .options(selectinload(Generation.images))
    ).all()


def owned(session: Session, user_id: int, generation_id: str, index: int) -> Image | None:
    """Return a picture of the member's own; None where it is not one."""
    return session.scalar(
        select(Image)
        .join(Generation)
        .where(Image.generation_id == generation_id, Image.index == index)
        .where(Generation.user_id == user_id, *LIVE, Image.file_sha256.is_not(None))
    )


def _open(guild_ids: Collection[int]) -> tuple[ColumnElement[bool], ...]:
    shy = exists().where(
        and_(Shy.guild_id == Generation.guild_id, Shy.user_id == Generation.user_id)
    )
    return (
        *LIVE,
        Generation.guild_id.in_(guild_ids),
        Generation.age_restricted.is_(False),
        Generation.spoiler.is_not(True),
        ~shy,
    )
