"""What members show each other."""

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from store.clock import now_ms
from store.tables.base import Base


class Heart(Base):
    """One member's vote for an order to stand in the showcase."""

    __tablename__ = "hearts"

    generation_id: Mapped[str] = mapped_column(
        String(12), ForeignKey("generations.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    created_at: Mapped[int] = mapped_column(default=now_ms())


class Exhibit(Base):
    """An order in the showcase: being hung since `tried_at`, or, as message 0, taken down."""

    __tablename__ = "exhibits"

    generation_id: Mapped[str] = mapped_column(
        String(12), ForeignKey("generations.id", ondelete="CASCADE"), primary_key=True
    )
    channel_id: Mapped[int]
    message_id: Mapped[int | None]
    tried_at: Mapped[int] = mapped_column(default=now_ms())


class Shy(Base):
    """A member who wants nothing of theirs in the server's showcase."""

    __tablename__ = "shy"

    guild_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    user_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
