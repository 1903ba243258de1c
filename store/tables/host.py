"""The tables of the host's own hand."""

from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from store.clock import now_ms
from store.tables.base import Base

UNFINISHED = text("finished_at IS NULL")


class Control(Base):
    """What the host has switched for everybody, by its name."""

    __tablename__ = "controls"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    value: Mapped[dict[str, Any]]


class Ban(Base):
    """Somebody who may not order anywhere; the reason is the host's note to themselves."""

    __tablename__ = "bans"

    user_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reason: Mapped[str] = mapped_column(String(200))
    by_id: Mapped[int]
    created_at: Mapped[int] = mapped_column(default=now_ms())


class Broadcast(Base):
    """What the host says to every server."""

    __tablename__ = "broadcasts"
    __table_args__ = (
        Index(
            "ix_broadcasts_unfinished",
            "id",
            sqlite_where=UNFINISHED,
            postgresql_where=UNFINISHED,
        ),
    )

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    said: Mapped[str] = mapped_column(Text)
    by_id: Mapped[int]
    created_at: Mapped[int] = mapped_column(default=now_ms())
    finished_at: Mapped[int | None]


class BroadcastPost(Base):
    """One server that has been told, or, as message 0, could not be."""

    __tablename__ = "broadcast_posts"

    broadcast_id: Mapped[int] = mapped_column(
        ForeignKey("broadcasts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    guild_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    message_id: Mapped[int]


class Bot(Base):
    """The one process that answers for an application, as long as it says that it is there."""

    __tablename__ = "bots"

    application_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(128))
    seen_at: Mapped[int] = mapped_column(default=now_ms())
