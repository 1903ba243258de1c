"""The tables; the only place that knows columns. Times are epoch milliseconds, ids are text.

Columns of a table are documented where they are not plain from their names.
"""

from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from store.clock import now_ms

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


UNDELIVERED = text("delivered_at IS NULL AND finished_at IS NOT NULL AND deleted_at IS NULL")
UNPURGED = text("purged_at IS NULL AND deleted_at IS NOT NULL")
OPEN = text("status = 'open'")
QUEUED = text("status = 'queued'")
RUNNING = text("status = 'running'")
ENDED = text("finished_at IS NOT NULL")
LANELESS = text("lane_id IS NULL AND status = 'queued'")
DRAWN = text("pixel_sha256 IS NOT NULL")
HELD = text("held_sha256 IS NOT NULL")
WAITING = text("head_at IS NOT NULL")
FRESH = text("fresh_at IS NOT NULL")
STARRED = text("starred")
TOKENED = text("token <> ''")
KEPT = text("deleted_at IS NULL")


class Base(DeclarativeBase):
    """Every table; naming conventions keep migrations the same on both databases."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {int: BigInteger, dict[str, Any]: JSON(none_as_null=True)}  # noqa: RUF012


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
    its lease changes nothing. `effort` is a step of `store.paces`; `charged` the virtual seconds
    that its flow is charged while it is drawn; `loras` are the sha256 of those it
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
