"""Who is next and who draws: the lines of the fair share, paces, workers."""

from typing import Any

from sqlalchemy import BigInteger, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from store.clock import now_ms
from store.tables.base import Base

WAITING = text("head_at IS NOT NULL")
FRESH = text("fresh_at IS NOT NULL")


class Lane(Base):
    """A flow's line for one variant. Its account's row is the lock.

    `settled` is the flow's virtual time, in seconds drawn over its weight, for pictures that have
    ended; `vtime` adds what is charged for those being drawn. `head_at` is when the first waiting
    image was ordered, NULL where none waits, `head_loras` what that one needs; `fresh_at` is when
    the flow woke from behind the others, NULL once it was served.
    """

    __tablename__ = "lanes"
    __table_args__ = (
        UniqueConstraint("guild_id", "user_id", "variant"),
        Index(
            "ix_lanes_waiting",
            "variant",
            "vtime",
            "head_at",
            "id",
            sqlite_where=WAITING,
            postgresql_where=WAITING,
        ),
        Index(
            "ix_lanes_least", "variant", "settled", sqlite_where=WAITING, postgresql_where=WAITING
        ),
        Index(
            "ix_lanes_fresh",
            "variant",
            "fresh_at",
            "id",
            sqlite_where=FRESH,
            postgresql_where=FRESH,
        ),
        Index(None, "settled"),
    )

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    guild_id: Mapped[int]
    user_id: Mapped[int]
    variant: Mapped[str] = mapped_column(String(64))
    settled: Mapped[float] = mapped_column(default=0.0)
    vtime: Mapped[float] = mapped_column(default=0.0)
    head_at: Mapped[int | None]
    fresh_at: Mapped[int | None]
    head_loras: Mapped[str | None] = mapped_column(Text)


class Pace(Base):
    """Seconds that one picture takes: a running average per variant, device class and effort."""

    __tablename__ = "paces"

    variant: Mapped[str] = mapped_column(String(64), primary_key=True)
    device: Mapped[str] = mapped_column(String(128), primary_key=True)
    effort: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    seconds: Mapped[float]
    count: Mapped[int] = mapped_column(Integer)
    updated_at: Mapped[int]


class Worker(Base):
    """A worker process that reported itself; one that is silent for a while counts as gone."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    variants: Mapped[dict[str, Any]]
    seen_at: Mapped[int] = mapped_column(default=now_ms())
