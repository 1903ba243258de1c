"""lora library

The version before may still be running while this runs: add, do not rename or drop.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

KEPT = sa.text("deleted_at IS NULL")
UNPURGED = sa.text("deleted_at IS NOT NULL AND purged_at IS NULL")
WAITING = sa.text("finished_at IS NULL")
UNTOLD = sa.text("finished_at IS NOT NULL")


def upgrade() -> None:
    _loras()
    _files()
    _beside(
        "lora_shares",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("role_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        key=("lora_id", "guild_id", "role_id"),
    )
    op.create_index("ix_lora_shares_guild_id", "lora_shares", ["guild_id"])
    _beside(
        "lora_favourites",
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        key=("user_id", "lora_id"),
    )
    _fetches()


def _loras() -> None:
    op.create_table(
        "loras",
        sa.Column("id", sa.String(length=12), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("source", sa.String(length=7), nullable=False),
        sa.Column("base", sa.String(length=32), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("nbytes", sa.BigInteger(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("layers", sa.Integer(), nullable=True),
        sa.Column("triggers", sa.String(length=200), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("licence", sa.String(length=200), nullable=False),
        sa.Column("error", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("preview", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("purged_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "status IN ('checking', 'ready', 'refused')", name=op.f("ck_loras_status")
        ),
        sa.CheckConstraint("source IN ('upload', 'url', 'trained')", name=op.f("ck_loras_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loras")),
    )
    _partial("uq_loras_owner_key", "loras", ["owner_id", "key"], KEPT, unique=True)
    op.create_index("ix_loras_sha256", "loras", ["sha256"])
    _partial("ix_loras_unpurged", "loras", ["deleted_at"], UNPURGED)


def _files() -> None:
    op.create_table(
        "lora_files",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("nbytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_lora_files")),
    )


def _fetches() -> None:
    _beside(
        "lora_fetches",
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("bases", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("most_bytes", sa.BigInteger(), nullable=False),
        sa.Column("worker", sa.String(length=128), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("got_bytes", sa.BigInteger(), nullable=False),
        sa.Column("all_bytes", sa.BigInteger(), nullable=True),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("token_at", sa.BigInteger(), nullable=False),
        sa.Column("locale", sa.String(length=8), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("tell_attempts", sa.Integer(), nullable=False),
        sa.Column("next_telling_at", sa.BigInteger(), nullable=False),
        key=("lora_id",),
    )
    _partial("ix_lora_fetches_waiting", "lora_fetches", ["created_at"], WAITING)
    _partial("ix_lora_fetches_untold", "lora_fetches", ["finished_at"], UNTOLD)


def _beside(table: str, *columns: sa.Column, key: tuple[str, ...]) -> None:
    """Create a table of rows that go with their LoRA's."""
    op.create_table(
        table,
        sa.Column("lora_id", sa.String(length=12), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(
            ["lora_id"], ["loras.id"], name=op.f(f"fk_{table}_lora_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{table}")),
    )


def _partial(
    name: str, table: str, columns: list[str], where: sa.TextClause, *, unique: bool = False
) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for table in ("lora_fetches", "lora_favourites", "lora_shares", "lora_files", "loras"):
        op.drop_table(table)
