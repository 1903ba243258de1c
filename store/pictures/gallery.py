"""What a web page may show: a showcase to everybody, and to members their own; nothing is written.

Everybody sees only what hangs in the showcases that the host has named, and of it nothing that is
age-restricted, under a spoiler, in review, deleted, or of a member who wants nothing shown.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, and_, exists, select
from sqlalchemy.orm import Session, selectinload

from store.tables.money import Account
from store.tables.orders import Generation, Image
from store.tables.showcase import Exhibit, Shy

LIVE = (Generation.status == "done", Generation.deleted_at.is_(None))


def showcase(
    session: Session, guild_ids: Collection[int], *, offset: int, limit: int
) -> Sequence[Generation]:
    """Return what hangs in these servers, what was hung last first."""
    return session.scalars(
        select(Generation)
        .join(Exhibit, Exhibit.generation_id == Generation.id)
        .where(*_open(guild_ids))
        .order_by(Exhibit.tried_at.desc(), Generation.id)
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
        .where(Image.file_sha256.is_not(None), Image.review.is_(None))
    )


def own(session: Session, user_id: int, *, offset: int, limit: int) -> Sequence[Generation]:
    """Return a member's own orders in all servers, newest first."""
    servers = select(Account.guild_id).where(Account.user_id == user_id)
    return session.scalars(
        select(Generation)
        .where(Generation.guild_id.in_(servers), Generation.user_id == user_id, *LIVE)
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
        Exhibit.message_id > 0,
        Generation.age_restricted.is_(False),
        Generation.spoiler.is_not(True),
        ~shy,
    )
