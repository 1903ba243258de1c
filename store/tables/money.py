"""Credits and money: accounts, the ledger, and what vendors take."""

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from store.clock import now_ms
from store.tables.base import Base


class Account(Base):
    """One flow: a member in a server (guild 0 outside servers). Its row is the ledger's lock."""

    __tablename__ = "accounts"

    guild_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    user_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    created_at: Mapped[int] = mapped_column(default=now_ms())


class LedgerEntry(Base):
    """Append-only. A balance is the sum of `amount` over a purse, never a column.

    `purse` is a day ("2026-11-23": today's allowance, worthless tomorrow) or "kept" (gifts).
    `kind` is grant, hold, settle or refund; `reference` a generation's id, or what a grant was for;
    `by_id` the member who gave it.
    """

    __tablename__ = "ledger"
    __table_args__ = (
        UniqueConstraint("guild_id", "user_id", "reference", "kind", "purse"),
        CheckConstraint("kind IN ('grant', 'hold', 'settle', 'refund')", name="kind"),
        Index(None, "guild_id", "user_id", "purse"),
        Index(None, "reference"),
    )

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    guild_id: Mapped[int]
    user_id: Mapped[int]
    purse: Mapped[str] = mapped_column(String(10))
    kind: Mapped[str] = mapped_column(String(6))
    amount: Mapped[int] = mapped_column(Integer)
    reference: Mapped[str] = mapped_column(String(64))
    by_id: Mapped[int | None]
    created_at: Mapped[int] = mapped_column(default=now_ms())


class MoneyEntry(Base):
    """Append-only: millionths of a US dollar that vendors take. A budget is the sum of a day's.

    `kind` is grant (what the server may spend that day), hold (an estimate, negative), release
    (its return), charge (what a vendor said it takes for one attempt, negative) or correct (what it
    took less or, negative, more in the end). Holds and releases have attempt 0.
    """

    __tablename__ = "money"
    __table_args__ = (
        UniqueConstraint("generation_id", "index", "attempt", "kind"),
        CheckConstraint("kind IN ('grant', 'hold', 'release', 'charge', 'correct')", name="kind"),
        Index(None, "guild_id", "day"),
        Index(None, "created_at"),
    )

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    guild_id: Mapped[int]
    user_id: Mapped[int | None]
    day: Mapped[str] = mapped_column(String(10))
    kind: Mapped[str] = mapped_column(String(7))
    micros: Mapped[int]
    generation_id: Mapped[str | None] = mapped_column(String(12))
    index: Mapped[int | None] = mapped_column(Integer)
    attempt: Mapped[int | None] = mapped_column(Integer)
    vendor: Mapped[str | None] = mapped_column(String(32))
    is_estimate: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[int] = mapped_column(default=now_ms())
