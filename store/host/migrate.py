"""Runs the migrations; the only door to Alembic."""

from pathlib import Path

from alembic import command
from alembic.config import Config

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


def config(url: str) -> Config:
    """Return the project's Alembic configuration for one database."""
    settings = Config(toml_file=PYPROJECT)
    settings.attributes["url"] = url
    return settings


def upgrade(url: str) -> None:
    """Bring a database to the newest schema; harmless where it is there already."""
    command.upgrade(config(url), "head")


def check(url: str) -> None:
    """Raise CommandError where the tables in code and in the database differ."""
    command.check(config(url))
