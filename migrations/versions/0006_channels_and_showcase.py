"""channels and showcase

The version before may still be running while this runs: add, do not rename or drop.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "channels",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("channel_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=True),
        sa.Column("variants", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("variant", sa.String(length=64), nullable=True),
        sa.Column("size", sa.String(length=64), nullable=True),
        sa.Column("quiet", sa.Boolean(), nullable=True),
        sa.Column("spoiler", sa.Boolean(), nullable=True),
        sa.Column("slow_s", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("guild_id", "channel_id", name=op.f("pk_channels")),
    )
    op.create_table(
        "hearts",
        sa.Column("generation_id", sa.String(length=12), nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["generation_id"],
            ["generations.id"],
            name=op.f("fk_hearts_generation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("generation_id", "user_id", name=op.f("pk_hearts")),
    )
    op.create_table(
        "exhibits",
        sa.Column("generation_id", sa.String(length=12), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("tried_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["generation_id"],
            ["generations.id"],
            name=op.f("fk_exhibits_generation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("generation_id", name=op.f("pk_exhibits")),
    )
    op.create_table(
        "shy",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("guild_id", "user_id", name=op.f("pk_shy")),
    )
    with op.batch_alter_table("servers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("showcase_channel_id", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("showcase_votes", sa.Integer(), nullable=True))
    with op.batch_alter_table("generations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("place_id", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("age_restricted", sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column("spoiler", sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column("quiet", sa.Boolean(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("generations", schema=None) as batch_op:
        for name in ("quiet", "spoiler", "age_restricted", "place_id"):
            batch_op.drop_column(name)
    with op.batch_alter_table("servers", schema=None) as batch_op:
        batch_op.drop_column("showcase_votes")
        batch_op.drop_column("showcase_channel_id")
    op.drop_table("shy")
    op.drop_table("exhibits")
    op.drop_table("hearts")
    op.drop_table("channels")
