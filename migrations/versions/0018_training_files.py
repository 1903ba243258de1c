"""training files: the folders of ended trainings are found until they are empty

The version before may still be running while this runs: add, do not rename or drop.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

UNPURGED = sa.text("told_at IS NOT NULL AND purged_at IS NULL")


def upgrade() -> None:
    op.add_column("lora_trainings", sa.Column("purged_at", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_lora_trainings_unpurged",
        "lora_trainings",
        ["told_at"],
        sqlite_where=UNPURGED,
        postgresql_where=UNPURGED,
    )


def downgrade() -> None:
    op.drop_index("ix_lora_trainings_unpurged", table_name="lora_trainings")
    op.drop_column("lora_trainings", "purged_at")
