"""money of all servers: what was taken lately is found by an index

The version before may still be running while this runs: add, do not rename or drop.
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_money_created_at"), "money", ["created_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_money_created_at"), table_name="money")
