"""fair share

The version before may still be running while this runs: add, do not rename or drop. What it
queues without a lane is found by the sweeper.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

QUEUED = sa.text("status = 'queued'")
RUNNING = sa.text("status = 'running'")
LANELESS = sa.text("lane_id IS NULL AND status = 'queued'")
WAITING = sa.text("head_at IS NOT NULL")
FRESH = sa.text("fresh_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "lanes",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("variant", sa.String(length=64), nullable=False),
        sa.Column("settled", sa.Double(), nullable=False),
        sa.Column("vtime", sa.Double(), nullable=False),
        sa.Column("head_at", sa.BigInteger(), nullable=True),
        sa.Column("fresh_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lanes")),
        sa.UniqueConstraint(
            "guild_id", "user_id", "variant", name=op.f("uq_lanes_guild_id_user_id_variant")
        ),
    )
    with op.batch_alter_table("lanes", schema=None) as batch_op:
        batch_op.create_index(
            "ix_lanes_waiting",
            ["variant", "vtime", "head_at", "id"],
            unique=False,
            sqlite_where=WAITING,
            postgresql_where=WAITING,
        )
        batch_op.create_index(
            "ix_lanes_least",
            ["variant", "settled"],
            unique=False,
            sqlite_where=WAITING,
            postgresql_where=WAITING,
        )
        batch_op.create_index(
            "ix_lanes_fresh",
            ["variant", "fresh_at", "id"],
            unique=False,
            sqlite_where=FRESH,
            postgresql_where=FRESH,
        )
        batch_op.create_index(batch_op.f("ix_lanes_settled"), ["settled"], unique=False)
    op.create_table(
        "paces",
        sa.Column("variant", sa.String(length=64), nullable=False),
        sa.Column("device", sa.String(length=128), nullable=False),
        sa.Column("effort", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("variant", "device", "effort", name=op.f("pk_paces")),
    )
    with op.batch_alter_table("generations", schema=None) as batch_op:
        # The version before leaves it out of its rows, so the database fills it in.
        batch_op.add_column(sa.Column("weight", sa.Double(), nullable=False, server_default="1"))
    with op.batch_alter_table("images", schema=None) as batch_op:
        batch_op.add_column(sa.Column("lane_id", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("effort", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("charged", sa.Double(), nullable=True))
        batch_op.create_index(
            "ix_images_in_lane",
            ["lane_id", "created_at", "generation_id", "index"],
            unique=False,
            sqlite_where=QUEUED,
            postgresql_where=QUEUED,
        )
        batch_op.create_index(
            "ix_images_drawn_for",
            ["lane_id"],
            unique=False,
            sqlite_where=RUNNING,
            postgresql_where=RUNNING,
        )
        batch_op.create_index(
            "ix_images_laneless",
            ["created_at"],
            unique=False,
            sqlite_where=LANELESS,
            postgresql_where=LANELESS,
        )


def downgrade() -> None:
    with op.batch_alter_table("images", schema=None) as batch_op:
        batch_op.drop_index("ix_images_laneless", sqlite_where=LANELESS, postgresql_where=LANELESS)
        batch_op.drop_index("ix_images_drawn_for", sqlite_where=RUNNING, postgresql_where=RUNNING)
        batch_op.drop_index("ix_images_in_lane", sqlite_where=QUEUED, postgresql_where=QUEUED)
        batch_op.drop_column("charged")
        batch_op.drop_column("effort")
        batch_op.drop_column("lane_id")
    with op.batch_alter_table("generations", schema=None) as batch_op:
        batch_op.drop_column("weight")
    op.drop_table("paces")
    op.drop_table("lanes")
