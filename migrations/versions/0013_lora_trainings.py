"""lora trainings

The version before may still be running while this runs: add, do not rename or drop.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLE = "lora_trainings"
OPEN = sa.text("finished_at IS NULL")
UNTOLD = sa.text("told_at IS NULL AND finished_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("lora_id", sa.String(length=12), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        *_asked(),
        *_held(),
        *_told(),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'done', 'failed', 'cancelled')",
            name=op.f("ck_lora_trainings_status"),
        ),
        sa.ForeignKeyConstraint(
            ["lora_id"], ["loras.id"], name=op.f("fk_lora_trainings_lora_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("lora_id", name=op.f("pk_lora_trainings")),
    )
    _partial("uq_lora_trainings_open", ["user_id"], OPEN, unique=True)
    op.create_index("ix_lora_trainings_day", TABLE, ["guild_id", "user_id", "day"])
    _partial("ix_lora_trainings_waiting", ["created_at"], OPEN)
    _partial("ix_lora_trainings_untold", ["finished_at"], UNTOLD)


def _asked() -> tuple[sa.Column, ...]:
    return (
        sa.Column("base", sa.String(length=32), nullable=False),
        sa.Column("plan", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("examples", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("prompts", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("price", sa.Integer(), nullable=False),
        sa.Column("due", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(length=9), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
    )


def _held() -> tuple[sa.Column, ...]:
    return (
        sa.Column("worker", sa.String(length=128), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("curve", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("samples", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("checkpoint", sa.String(length=64), nullable=True),
        sa.Column("error", sa.JSON(none_as_null=True), nullable=True),
    )


def _told() -> tuple[sa.Column, ...]:
    return (
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("token_at", sa.BigInteger(), nullable=False),
        sa.Column("locale", sa.String(length=8), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("told_at", sa.BigInteger(), nullable=True),
        sa.Column("tell_attempts", sa.Integer(), nullable=False),
        sa.Column("next_telling_at", sa.BigInteger(), nullable=False),
    )


def _partial(name: str, columns: list[str], where: sa.TextClause, *, unique: bool = False) -> None:
    op.create_index(name, TABLE, columns, unique=unique, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.drop_table(TABLE)
