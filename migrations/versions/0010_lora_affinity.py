"""lora affinity

The version before may still be running while this runs: add, do not rename or drop. What it
queues has no LoRAs, and is told to need none.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("images", schema=None) as batch_op:
        batch_op.add_column(sa.Column("loras", sa.Text(), nullable=True))
    with op.batch_alter_table("lanes", schema=None) as batch_op:
        batch_op.add_column(sa.Column("head_loras", sa.Text(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("lanes", schema=None) as batch_op:
        batch_op.drop_column("head_loras")
    with op.batch_alter_table("images", schema=None) as batch_op:
        batch_op.drop_column("loras")
