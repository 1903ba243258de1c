"""origins: pictures found by their pixels

The version before may still be running while this runs: add, do not rename or drop.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

DRAWN = sa.text("pixel_sha256 IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_images_pixels",
        "images",
        ["pixel_sha256"],
        sqlite_where=DRAWN,
        postgresql_where=DRAWN,
    )


def downgrade() -> None:
    op.drop_index("ix_images_pixels", "images")
