"""plans and money

The version before may still be running while this runs: add, do not rename or drop.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

OPEN = sa.text("status = 'open'")


def upgrade() -> None:
    op.create_table(
        "servers",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=True),
        sa.Column("next_time_zone", sa.String(length=64), nullable=True),
        sa.Column("zone_changes_at", sa.BigInteger(), nullable=True),
        sa.Column("slow_lane", sa.Boolean(), nullable=True),
        sa.Column("checkin_credits", sa.Integer(), nullable=True),
        sa.Column("daily_micros", sa.BigInteger(), nullable=True),
        sa.Column("role_plans", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("plan_numbers", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("guild_id", name=op.f("pk_servers")),
    )
    op.create_table(
        "money",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=7), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.Column("generation_id", sa.String(length=12), nullable=True),
        sa.Column("index", sa.Integer(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=True),
        sa.Column("vendor", sa.String(length=32), nullable=True),
        sa.Column("is_estimate", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('grant', 'hold', 'release', 'charge', 'correct')", name=op.f("ck_money_kind")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_money")),
        sa.UniqueConstraint(
            "generation_id",
            "index",
            "attempt",
            "kind",
            name=op.f("uq_money_generation_id_index_attempt_kind"),
        ),
    )
    with op.batch_alter_table("money", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_money_guild_id_day"), ["guild_id", "day"])
    with op.batch_alter_table("ledger", schema=None) as batch_op:
        batch_op.add_column(sa.Column("by_id", sa.BigInteger(), nullable=True))
    with op.batch_alter_table("generations", schema=None) as batch_op:
        # The version before leaves these out of its rows, so the database fills them in.
        batch_op.add_column(
            sa.Column("plan", sa.String(length=32), nullable=False, server_default="free")
        )
        batch_op.add_column(
            sa.Column("slow", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.create_index(
            "ix_generations_open",
            ["guild_id", "user_id"],
            unique=False,
            sqlite_where=OPEN,
            postgresql_where=OPEN,
        )


def downgrade() -> None:
    with op.batch_alter_table("generations", schema=None) as batch_op:
        batch_op.drop_index("ix_generations_open", sqlite_where=OPEN, postgresql_where=OPEN)
        batch_op.drop_column("slow")
        batch_op.drop_column("plan")
    with op.batch_alter_table("ledger", schema=None) as batch_op:
        batch_op.drop_column("by_id")
    op.drop_table("money")
    op.drop_table("servers")
