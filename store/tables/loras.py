"""The tables of the LoRA library."""

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from store.clock import now_ms
from store.tables.base import Base

KEPT = text("deleted_at IS NULL")
UNPURGED = text("deleted_at IS NOT NULL AND purged_at IS NULL")
WAITING = text("finished_at IS NULL")
UNTOLD = text("finished_at IS NOT NULL")


class Lora(Base):
    """A member's LoRA, theirs in every server. `key` is the name as it is looked up.

    `status` is checking until its file is known: then ready, or refused with `error` {code,
    params}. `sha256` names the canonical file, in the folder "loras", which equal ones share; its
    `nbytes` are counted for each. `preview` is the sha256 of a picture in a folder of its own
    (`loras.folder`). `purged_at` is when a deleted one's files were given up.
    """

    __tablename__ = "loras"
    __table_args__ = (
        CheckConstraint("status IN ('checking', 'ready', 'refused')", name="status"),
        CheckConstraint("source IN ('upload', 'url', 'trained')", name="source"),
        Index(
            "uq_loras_owner_key",
            "owner_id",
            "key",
            unique=True,
            sqlite_where=KEPT,
            postgresql_where=KEPT,
        ),
        Index(None, "sha256"),
        Index("ix_loras_unpurged", "deleted_at", sqlite_where=UNPURGED, postgresql_where=UNPURGED),
    )

    id: Mapped[str] = mapped_column(String(12), primary_key=True)
    owner_id: Mapped[int]
    key: Mapped[str] = mapped_column(String(128))
    name: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(8), default="checking")
    source: Mapped[str] = mapped_column(String(7))
    base: Mapped[str | None] = mapped_column(String(32))
    sha256: Mapped[str | None] = mapped_column(String(64))
    nbytes: Mapped[int] = mapped_column(default=0)
    rank: Mapped[int | None] = mapped_column(Integer)
    layers: Mapped[int | None] = mapped_column(Integer)
    triggers: Mapped[str] = mapped_column(String(200), default="")
    weight: Mapped[float] = mapped_column(default=1.0)
    licence: Mapped[str] = mapped_column(String(200), default="")
    error: Mapped[dict[str, Any] | None]
    preview: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[int] = mapped_column(default=now_ms())
    used_at: Mapped[int | None]
    deleted_at: Mapped[int | None]
    purged_at: Mapped[int | None]


class LoraFile(Base):
    """A canonical file in the file store. Its row is the lock of whoever keeps or removes it."""

    __tablename__ = "lora_files"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    nbytes: Mapped[int]
    created_at: Mapped[int] = mapped_column(default=now_ms())


class LoraShare(Base):
    """Who else may use a LoRA: in a server everyone (role 0), or who has a role."""

    __tablename__ = "lora_shares"
    __table_args__ = (Index(None, "guild_id"),)

    lora_id: Mapped[str] = mapped_column(
        String(12), ForeignKey("loras.id", ondelete="CASCADE"), primary_key=True
    )
    guild_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    role_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=0)
    created_at: Mapped[int] = mapped_column(default=now_ms())


class LoraFavourite(Base):
    """A LoRA that a member wants to find first."""

    __tablename__ = "lora_favourites"

    user_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    lora_id: Mapped[str] = mapped_column(
        String(12), ForeignKey("loras.id", ondelete="CASCADE"), primary_key=True
    )


class LoraFetch(Base):
    """A file that a worker is to bring in, check and keep, and whom to tell how it went.

    `url` may hold what opens it: never logged, and gone with the row once it was told; `token` is
    sealed by the bot. `bases` are
    those that may be meant. A worker's right to it is a lease and a fence, as to an image.
    """

    __tablename__ = "lora_fetches"
    __table_args__ = (
        Index(
            "ix_lora_fetches_waiting", "created_at", sqlite_where=WAITING, postgresql_where=WAITING
        ),
        Index(
            "ix_lora_fetches_untold", "finished_at", sqlite_where=UNTOLD, postgresql_where=UNTOLD
        ),
    )

    lora_id: Mapped[str] = mapped_column(
        String(12), ForeignKey("loras.id", ondelete="CASCADE"), primary_key=True
    )
    url: Mapped[str] = mapped_column(Text)
    bases: Mapped[dict[str, Any]]
    most_bytes: Mapped[int]
    worker: Mapped[str | None] = mapped_column(String(128))
    fence: Mapped[int] = mapped_column(Integer, default=0)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    lease_until: Mapped[int | None]
    got_bytes: Mapped[int] = mapped_column(default=0)
    all_bytes: Mapped[int | None]
    application_id: Mapped[int]
    channel_id: Mapped[int]
    message_id: Mapped[int | None]
    token: Mapped[str] = mapped_column(Text)
    token_at: Mapped[int]
    locale: Mapped[str] = mapped_column(String(8))
    created_at: Mapped[int] = mapped_column(default=now_ms())
    finished_at: Mapped[int | None]
    tell_attempts: Mapped[int] = mapped_column(Integer, default=0)
    next_telling_at: Mapped[int] = mapped_column(default=0)
