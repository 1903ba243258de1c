"""reviews: pictures that the output check hid or held

The version before may still be running while this runs: add, do not rename or drop.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

HELD = sa.text("held_sha256 IS NOT NULL")


def upgrade() -> None:
    with op.batch_alter_table("images", schema=None) as batch_op:
        batch_op.add_column(sa.Column("held_sha256", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("review", sa.String(length=8), nullable=True))
    op.create_index(
        "ix_images_held", "images", ["finished_at"], sqlite_where=HELD, postgresql_where=HELD
    )


def downgrade() -> None:
    op.drop_index("ix_images_held", "images")
    with op.batch_alter_table("images", schema=None) as batch_op:
        batch_op.drop_column("review")
        batch_op.drop_column("held_sha256")
