"""Rules, reports, sanctions, and the log of what was done."""

from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from store.clock import now_ms
from store.tables.base import Base


class AuditEntry(Base):
    """Append-only: what moderators, managers and hosts have done. Guild 0 is the host's own.

    `action` is a word or two with a dot; `details` are what a line of the log needs beyond the ids,
    never a prompt.
    """

    __tablename__ = "audit"
    __table_args__ = (Index(None, "guild_id", "id"),)

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    guild_id: Mapped[int]
    actor_id: Mapped[int]
    action: Mapped[str] = mapped_column(String(32))
    target_id: Mapped[int | None]
    generation_id: Mapped[str | None] = mapped_column(String(12))
    details: Mapped[dict[str, Any] | None]
    created_at: Mapped[int] = mapped_column(default=now_ms())


class PromptRule(Base):
    """What a server does about words in prompts, on top of the host's rules.

    `key` is the words as they are compared. An `adult_only` rule does not count in age-restricted
    channels.
    """

    __tablename__ = "prompt_rules"
    __table_args__ = (UniqueConstraint("guild_id", "key"),)

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    guild_id: Mapped[int]
    key: Mapped[str] = mapped_column(String(128))
    words: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(8))
    replacement: Mapped[str | None] = mapped_column(String(64))
    adult_only: Mapped[bool] = mapped_column(default=False)
    by_id: Mapped[int]
    created_at: Mapped[int] = mapped_column(default=now_ms())


class RuleCount(Base):
    """How often a kind of rule did something in a server on a day; whose prompts is not kept."""

    __tablename__ = "rule_counts"

    guild_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    action: Mapped[str] = mapped_column(String(8), primary_key=True)
    count: Mapped[int] = mapped_column(Integer)


class Sanction(Base):
    """A member who may not order in a server: until `until_at`, or for good where it is NULL."""

    __tablename__ = "sanctions"

    guild_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    user_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    until_at: Mapped[int | None]
    by_id: Mapped[int]
    created_at: Mapped[int] = mapped_column(default=now_ms())


class Report(Base):
    """One member's report of an order; who it was stays with the moderators."""

    __tablename__ = "reports"

    generation_id: Mapped[str] = mapped_column(
        String(12), ForeignKey("generations.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reason: Mapped[str] = mapped_column(Text)
    created_at: Mapped[int] = mapped_column(default=now_ms())


class Case(Base):
    """A reported order before the moderators: their message, posted since `tried_at`."""

    __tablename__ = "cases"

    generation_id: Mapped[str] = mapped_column(
        String(12), ForeignKey("generations.id", ondelete="CASCADE"), primary_key=True
    )
    guild_id: Mapped[int]
    channel_id: Mapped[int | None]
    message_id: Mapped[int | None]
    tried_at: Mapped[int] = mapped_column(default=now_ms())
    outcome: Mapped[str | None] = mapped_column(String(16))
    closed_by: Mapped[int | None]
