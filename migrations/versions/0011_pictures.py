"""favourites among an order's pictures, and pictures kept at hand as references

The version before may still be running while this runs: add, do not rename or drop.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("images", schema=None) as batch_op:
        # The version before leaves it out of its rows, so the database fills it in.
        batch_op.add_column(
            sa.Column("starred", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    op.create_index(
        "ix_images_starred",
        "images",
        ["generation_id"],
        sqlite_where=sa.text("starred"),
        postgresql_where=sa.text("starred"),
    )
    with op.batch_alter_table("members", schema=None) as batch_op:
        batch_op.add_column(sa.Column("at_hand", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("members", schema=None) as batch_op:
        batch_op.drop_column("at_hand")
    op.drop_index("ix_images_starred", table_name="images")
    with op.batch_alter_table("images", schema=None) as batch_op:
        batch_op.drop_column("starred")
