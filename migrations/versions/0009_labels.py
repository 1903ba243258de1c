"""labels: what members have chosen for their files, and who got copies without a visible one

The version before may still be running while this runs: add, do not rename or drop.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("members", sa.Column("wordless", sa.Boolean(), nullable=True))
    op.add_column("members", sa.Column("label_free_at", sa.BigInteger(), nullable=True))
    op.add_column("generations", sa.Column("wordless", sa.Boolean(), nullable=True))
    op.add_column("generations", sa.Column("label_free", sa.Boolean(), nullable=True))
    op.create_table(
        "handouts",
        sa.Column("generation_id", sa.String(length=12), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("agreed_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("generation_id", name=op.f("pk_handouts")),
    )
    op.create_index(op.f("ix_handouts_created_at"), "handouts", ["created_at"])


def downgrade() -> None:
    op.drop_table("handouts")
    op.drop_column("generations", "label_free")
    op.drop_column("generations", "wordless")
    op.drop_column("members", "label_free_at")
    op.drop_column("members", "wordless")
