"""What servers, channels and members have chosen."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from store.clock import now_ms
from store.tables.base import Base


class Server(Base):
    """What a server has chosen; NULL is the default of plans.toml. Its row is the budget's lock.

    `time_zone` holds until `zone_changes_at`, `next_time_zone` from then on. `role_plans` is a
    plan's name by a role's id, `plan_numbers` a plan's changed numbers by its name.
    """

    __tablename__ = "servers"

    guild_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    time_zone: Mapped[str | None] = mapped_column(String(64))
    next_time_zone: Mapped[str | None] = mapped_column(String(64))
    zone_changes_at: Mapped[int | None]
    slow_lane: Mapped[bool | None]
    checkin_credits: Mapped[int | None] = mapped_column(Integer)
    daily_micros: Mapped[int | None]
    role_plans: Mapped[dict[str, Any] | None]
    plan_numbers: Mapped[dict[str, Any] | None]
    showcase_channel_id: Mapped[int | None]
    showcase_votes: Mapped[int | None] = mapped_column(Integer)
    reports_channel_id: Mapped[int | None]
    appeals: Mapped[str | None] = mapped_column(Text)
    retention_days: Mapped[int | None] = mapped_column(Integer)


class Channel(Base):
    """What holds in a channel, in each one of a category, or, as channel 0, in the whole server.

    NULL is as it is above. `variants` says by name which may draw there; `slow_s` are seconds
    between two orders of a member.
    """

    __tablename__ = "channels"

    guild_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    channel_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    is_open: Mapped[bool | None]
    variants: Mapped[dict[str, Any] | None]
    variant: Mapped[str | None] = mapped_column(String(64))
    size: Mapped[str | None] = mapped_column(String(64))
    quiet: Mapped[bool | None]
    spoiler: Mapped[bool | None]
    slow_s: Mapped[int | None] = mapped_column(Integer)


class Member(Base):
    """What a member has chosen for every server: `defaults` are options of their orders by name.

    `at_hand` are the numbers of pictures to look at. Files of a `wordless` member keep the prompt
    to themselves. `label_free_at` is when the member asked for copies without the label that
    people see, and agreed to label them where it is due.
    """

    __tablename__ = "members"

    user_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    defaults: Mapped[dict[str, Any] | None]
    at_hand: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    wordless: Mapped[bool | None]
    label_free_at: Mapped[int | None]


class Preset(Base):
    """A named set of options: a member's own in every server (guild 0), or a server's (user 0).

    `key` is the name as it is looked up, whatever its case and width.
    """

    __tablename__ = "presets"
    __table_args__ = (UniqueConstraint("guild_id", "user_id", "key"),)

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    guild_id: Mapped[int]
    user_id: Mapped[int]
    key: Mapped[str] = mapped_column(String(128))
    name: Mapped[str] = mapped_column(String(64))
    options: Mapped[dict[str, Any]]
    by_id: Mapped[int]
    created_at: Mapped[int] = mapped_column(default=now_ms())
