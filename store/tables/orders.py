"""Orders and their pictures."""

from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from store.clock import now_ms
from store.tables.base import Base

UNDELIVERED = text("delivered_at IS NULL AND finished_at IS NOT NULL AND deleted_at IS NULL")
UNPURGED = text("purged_at IS NULL AND deleted_at IS NOT NULL")
OPEN = text("status = 'open'")
QUEUED = text("status = 'queued'")
RUNNING = text("status = 'running'")
ENDED = text("finished_at IS NOT NULL")
LANELESS = text("lane_id IS NULL AND status = 'queued'")
DRAWN = text("pixel_sha256 IS NOT NULL")
HELD = text("held_sha256 IS NOT NULL")
STARRED = text("starred")
TOKENED = text("token <> ''")
KEPT = text("deleted_at IS NULL")


class Generation(Base):
    """An order and its fate, with all that delivery needs after a restart.

    `status` is open until no image is queued or running, then done (at least one picture), failed
    or cancelled. `interaction_id` makes a repeated submission the same order. `token` is Discord's
    interaction token, sealed by the bot: good for 15 minutes after `token_at`, then emptied.
    `error` is {code, params} of the failure shown to the member, `remarks` what the cards say
    beyond the request, {params} by code. `purged_at` is when a deleted order's files were removed.
    `plan` is the one it was ordered with; `slow` where credits were spent and it costs nothing.
    `starred` is a favourite of who ordered it.
    `place_id` is the channel, of a thread the one above it; `age_restricted`, `spoiler` and `quiet`
    are what held there, NULL where that is not known.
    """

    __tablename__ = "generations"
    __table_args__ = (
        CheckConstraint("status IN ('open', 'done', 'failed', 'cancelled')", name="status"),
        Index(None, "guild_id", "user_id", "created_at"),
        Index(
            "ix_generations_open",
            "guild_id",
            "user_id",
            sqlite_where=OPEN,
            postgresql_where=OPEN,
        ),
        Index(
            "ix_generations_undelivered",
            "next_delivery_at",
            sqlite_where=UNDELIVERED,
            postgresql_where=UNDELIVERED,
        ),
        Index(
            "ix_generations_unpurged",
            "deleted_at",
            sqlite_where=UNPURGED,
            postgresql_where=UNPURGED,
        ),
        Index(
            "ix_generations_kept",
            "guild_id",
            "finished_at",
            sqlite_where=KEPT,
            postgresql_where=KEPT,
        ),
        Index(
            "ix_generations_tokened",
            "token_at",
            sqlite_where=TOKENED,
            postgresql_where=TOKENED,
        ),
    )

    id: Mapped[str] = mapped_column(String(12), primary_key=True)
    interaction_id: Mapped[int] = mapped_column(unique=True)
    application_id: Mapped[int]
    guild_id: Mapped[int]
    channel_id: Mapped[int]
    user_id: Mapped[int]
    message_id: Mapped[int | None]
    token: Mapped[str] = mapped_column(Text)
    token_at: Mapped[int]
    locale: Mapped[str] = mapped_column(String(8))
    upload_limit: Mapped[int]
    variant: Mapped[str] = mapped_column(String(64))
    request: Mapped[dict[str, Any]]
    price: Mapped[int] = mapped_column(Integer)
    plan: Mapped[str] = mapped_column(String(32), default="free")
    slow: Mapped[bool] = mapped_column(default=False)
    weight: Mapped[float] = mapped_column(default=1.0, server_default="1")  # in the fair share
    parent_id: Mapped[str | None] = mapped_column(String(12))  # the order this one repeats
    remarks: Mapped[dict[str, Any] | None]
    starred: Mapped[bool] = mapped_column(default=False, server_default=false())
    place_id: Mapped[int | None]
    age_restricted: Mapped[bool | None]
    spoiler: Mapped[bool | None]
    quiet: Mapped[bool | None]
    wordless: Mapped[bool | None]
    label_free: Mapped[bool | None]
    status: Mapped[str] = mapped_column(String(9), default="open")
    error: Mapped[dict[str, Any] | None]
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[int] = mapped_column(default=now_ms())
    finished_at: Mapped[int | None]
    delivered_at: Mapped[int | None]
    delivery_attempts: Mapped[int] = mapped_column(Integer, default=0)
    next_delivery_at: Mapped[int] = mapped_column(default=0)
    deleted_at: Mapped[int | None]
    purged_at: Mapped[int | None]

    images: Mapped[list["Image"]] = relationship(order_by="Image.index", lazy="raise")


class Review(StrEnum):
    """What the output check, or a moderator after it, made of a picture."""

    SPOILER = "spoiler"
    WAITING = "waiting"
    RELEASED = "released"
    REFUSED = "refused"


class Image(Base):
    """One picture of an order: the unit a worker claims.

    `fence` grows with each claim; every later write of a claim carries it, so a worker that lost
    its lease changes nothing. `effort` is a step of `store.line.paces`; `charged` the virtual
    seconds that its flow is charged while it is drawn; `loras` are the sha256 of those it
    needs, with blanks between. A picture that moderators are to look at first has its file in
    `held_sha256` instead, so that nothing else shows it; `review` is one of `Review`.
    """

    __tablename__ = "images"
    __table_args__ = (
        CheckConstraint(
            "status IN ('queued', 'running', 'done', 'failed', 'cancelled')", name="status"
        ),
        Index(
            "ix_images_waiting",
            "created_at",
            "generation_id",
            "index",
            sqlite_where=QUEUED,
            postgresql_where=QUEUED,
        ),
        Index("ix_images_leased", "lease_until", sqlite_where=RUNNING, postgresql_where=RUNNING),
        Index(
            "ix_images_starred",
            "generation_id",
            sqlite_where=STARRED,
            postgresql_where=STARRED,
        ),
        Index("ix_images_ended", "finished_at", sqlite_where=ENDED, postgresql_where=ENDED),
        Index(
            "ix_images_in_lane",
            "lane_id",
            "created_at",
            "generation_id",
            "index",
            sqlite_where=QUEUED,
            postgresql_where=QUEUED,
        ),
        Index("ix_images_drawn_for", "lane_id", sqlite_where=RUNNING, postgresql_where=RUNNING),
        Index("ix_images_pixels", "pixel_sha256", sqlite_where=DRAWN, postgresql_where=DRAWN),
        Index("ix_images_held", "finished_at", sqlite_where=HELD, postgresql_where=HELD),
        Index("ix_images_laneless", "created_at", sqlite_where=LANELESS, postgresql_where=LANELESS),
    )

    generation_id: Mapped[str] = mapped_column(
        String(12), ForeignKey("generations.id", ondelete="CASCADE"), primary_key=True
    )
    index: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    variant: Mapped[str] = mapped_column(String(64))
    seed: Mapped[int]
    lane_id: Mapped[int | None]
    effort: Mapped[int | None] = mapped_column(Integer)
    charged: Mapped[float | None]
    loras: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[int] = mapped_column(default=now_ms())
    status: Mapped[str] = mapped_column(String(9), default="queued")
    worker: Mapped[str | None] = mapped_column(String(128))
    started_at: Mapped[int | None]
    fence: Mapped[int] = mapped_column(Integer, default=0)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    lease_until: Mapped[int | None]
    error: Mapped[dict[str, Any] | None]
    file_sha256: Mapped[str | None] = mapped_column(String(64))
    held_sha256: Mapped[str | None] = mapped_column(String(64))
    review: Mapped[str | None] = mapped_column(String(8))
    file_bytes: Mapped[int | None]
    pixel_sha256: Mapped[str | None] = mapped_column(String(64))
    recipe: Mapped[dict[str, Any] | None]
    seconds: Mapped[float | None]
    starred: Mapped[bool] = mapped_column(default=False, server_default=false())
    finished_at: Mapped[int | None]


class Handout(Base):
    """An order whose copies bear no label that people see; kept for half a year, then swept.

    It outlives the order: who got such copies, and when they had agreed to what goes with it.
    """

    __tablename__ = "handouts"
    __table_args__ = (Index(None, "created_at"),)

    generation_id: Mapped[str] = mapped_column(String(12), primary_key=True)
    guild_id: Mapped[int]
    user_id: Mapped[int]
    agreed_at: Mapped[int]
    created_at: Mapped[int] = mapped_column(default=now_ms())
