"""The table of trainings."""

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from store.clock import now_ms
from store.tables.base import Base
from store.tables.loras import UNTOLD

OPEN = text("finished_at IS NULL")
UNPURGED = text("told_at IS NOT NULL AND purged_at IS NULL")


class Training(Base):
    """A LoRA that is being trained, what it costs, and whom to tell how it went.

    It goes with its LoRA's row, which has the name and takes the file in the end. `plan` is the
    engine's, `examples` are [{sha256, caption}] of pictures in the training's own folder, `prompts`
    what samples show. A worker's right to it is a lease and a fence, as to an image. `checkpoint`
    is the sha256 of the file that the next worker goes on from; `curve` holds losses, `samples`
    sha256 of pictures. `day` is the server's date that it counts for. `purged_at` is when its
    folder was emptied, after its end was told.
    """

    __tablename__ = "lora_trainings"
    __table_args__ = (
        CheckConstraint(
            "status IN ('queued', 'running', 'done', 'failed', 'cancelled')", name="status"
        ),
        Index(
            "uq_lora_trainings_open",
            "user_id",
            unique=True,
            sqlite_where=OPEN,
            postgresql_where=OPEN,
        ),
        Index("ix_lora_trainings_day", "guild_id", "user_id", "day"),
        Index("ix_lora_trainings_waiting", "created_at", sqlite_where=OPEN, postgresql_where=OPEN),
        Index(
            "ix_lora_trainings_untold", "finished_at", sqlite_where=UNTOLD, postgresql_where=UNTOLD
        ),
        Index(
            "ix_lora_trainings_unpurged",
            "told_at",
            sqlite_where=UNPURGED,
            postgresql_where=UNPURGED,
        ),
    )

    lora_id: Mapped[str] = mapped_column(
        String(12), ForeignKey("loras.id", ondelete="CASCADE"), primary_key=True
    )
    guild_id: Mapped[int]
    user_id: Mapped[int]
    day: Mapped[str] = mapped_column(String(10))
    base: Mapped[str] = mapped_column(String(32))
    plan: Mapped[dict[str, Any]]
    examples: Mapped[dict[str, Any]]
    prompts: Mapped[dict[str, Any]]
    steps: Mapped[int] = mapped_column(Integer)
    price: Mapped[int] = mapped_column(Integer)
    due: Mapped[int | None] = mapped_column(Integer)
    status: Mapped[str] = mapped_column(String(9), default="queued")
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    worker: Mapped[str | None] = mapped_column(String(128))
    fence: Mapped[int] = mapped_column(Integer, default=0)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    lease_until: Mapped[int | None]
    step: Mapped[int] = mapped_column(Integer, default=0)
    curve: Mapped[dict[str, Any] | None]
    samples: Mapped[dict[str, Any] | None]
    checkpoint: Mapped[str | None] = mapped_column(String(64))
    error: Mapped[dict[str, Any] | None]
    application_id: Mapped[int]
    channel_id: Mapped[int]
    message_id: Mapped[int | None]
    token: Mapped[str] = mapped_column(Text)
    token_at: Mapped[int]
    locale: Mapped[str] = mapped_column(String(8))
    created_at: Mapped[int] = mapped_column(default=now_ms())
    started_at: Mapped[int | None]
    finished_at: Mapped[int | None]
    told_at: Mapped[int | None]
    purged_at: Mapped[int | None]
    tell_attempts: Mapped[int] = mapped_column(Integer, default=0)
    next_telling_at: Mapped[int] = mapped_column(default=0)
