"""retention: what a server keeps no longer is found by an index

The version before may still be running while this runs: add, do not rename or drop.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

KEPT = sa.text("deleted_at IS NULL")


def upgrade() -> None:
    op.create_index(
        "ix_generations_kept",
        "generations",
        ["guild_id", "finished_at"],
        sqlite_where=KEPT,
        postgresql_where=KEPT,
    )


def downgrade() -> None:
    op.drop_index("ix_generations_kept", table_name="generations")
