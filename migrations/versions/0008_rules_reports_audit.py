"""rules for prompts, reports, sanctions, the audit log

The version before may still be running while this runs: add, do not rename or drop.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TOKENED = sa.text("token <> ''")


def upgrade() -> None:
    _log_and_rules()
    _reports()
    with op.batch_alter_table("servers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reports_channel_id", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("appeals", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("retention_days", sa.Integer(), nullable=True))
    op.create_index(
        "ix_generations_tokened",
        "generations",
        ["token_at"],
        sqlite_where=TOKENED,
        postgresql_where=TOKENED,
    )


def _log_and_rules() -> None:
    op.create_table(
        "audit",
        _serial(),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("target_id", sa.BigInteger(), nullable=True),
        sa.Column("generation_id", sa.String(length=12), nullable=True),
        sa.Column("details", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_guild_id_id"), "audit", ["guild_id", "id"])
    op.create_table(
        "prompt_rules",
        _serial(),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("words", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=8), nullable=False),
        sa.Column("replacement", sa.String(length=64), nullable=True),
        sa.Column("adult_only", sa.Boolean(), nullable=False),
        sa.Column("by_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompt_rules")),
        sa.UniqueConstraint("guild_id", "key", name=op.f("uq_prompt_rules_guild_id_key")),
    )
    op.create_table(
        "rule_counts",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("action", sa.String(length=8), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", "day", "kind", "action", name=op.f("pk_rule_counts")),
    )


def _reports() -> None:
    op.create_table(
        "sanctions",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=True),
        sa.Column("by_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", "user_id", name=op.f("pk_sanctions")),
    )
    op.create_table(
        "reports",
        sa.Column("generation_id", sa.String(length=12), nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["generation_id"],
            ["generations.id"],
            name=op.f("fk_reports_generation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("generation_id", "user_id", name=op.f("pk_reports")),
    )
    op.create_table(
        "cases",
        sa.Column("generation_id", sa.String(length=12), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=True),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("tried_at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("closed_by", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["generation_id"],
            ["generations.id"],
            name=op.f("fk_cases_generation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("generation_id", name=op.f("pk_cases")),
    )


def _serial() -> sa.Column[int]:
    return sa.Column(
        "id",
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
        autoincrement=True,
        nullable=False,
    )


def downgrade() -> None:
    op.drop_index("ix_generations_tokened", table_name="generations")
    with op.batch_alter_table("servers", schema=None) as batch_op:
        for name in ("retention_days", "appeals", "reports_channel_id"):
            batch_op.drop_column(name)
    for name in ("cases", "reports", "sanctions", "rule_counts", "prompt_rules", "audit"):
        op.drop_table(name)
