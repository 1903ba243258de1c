"""`python -m store upgrade|check|backup FILE`: for the database in REROLL_DATABASE_URL.

`upgrade` waits for a database that is away, and leaves one of a newer version as it is.
"""

import argparse
import sqlite3
import time
from pathlib import Path

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from store.database import Database
from store.errors import StoreUnavailable
from store.host import migrate, schema
from store.host.backup import CannotBackUp, backup

PATIENCE_S = 30.0
"""A server that starts at the same time is there by then."""


class _Address(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="REROLL_", env_file=".env", extra="ignore")

    database_url: SecretStr


def main() -> None:
    """Run the named command."""
    parser = argparse.ArgumentParser(prog="python -m store", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("upgrade", help="bring the tables to this version")
    commands.add_parser("check", help="compare the tables with this version's")
    kept = commands.add_parser("backup", help="copy a SQLite database while it is in use")
    kept.add_argument("file", type=Path)
    arguments = parser.parse_args()
    url = _address()
    if arguments.command == "backup":
        back_up(url, arguments.file)
    else:
        {"upgrade": upgrade, "check": migrate.check}[arguments.command](url)


def _address() -> str:
    try:
        return _Address().database_url.get_secret_value()  # type: ignore[call-arg]  # environment
    except ValidationError:
        raise SystemExit(
            "store: REROLL_DATABASE_URL is not set, here or in .env. "
            "The database of `make run` is sqlite:///data/reroll.db."
        ) from None


def back_up(url: str, target: Path) -> None:
    """Copy the database; end in words where that cannot be."""
    try:
        print(f"{target}: {backup(url, target) / 1e6:.1f} MB")
    except (CannotBackUp, OSError, sqlite3.Error) as error:
        raise SystemExit(f"store: {error}") from None


def upgrade(url: str, *, patience_s: float = PATIENCE_S) -> None:
    """Bring the tables to this version; end in words where that cannot be."""
    found = _found(url, time.monotonic() + patience_s)
    if found.state is schema.State.NEWER:
        print(
            f"The tables are of a newer version ({found.found}; this one knows {found.known}). "
            "Nothing was changed; this version can go on beside it."
        )
        return
    try:
        migrate.upgrade(url)
    except StoreUnavailable as error:
        reason = str(error.__cause__).splitlines()[0]
        raise SystemExit(f"store: {reason}. Nothing was changed; try again.") from None


def _found(url: str, give_up_at: float) -> schema.Schema:
    database = Database(url)
    try:
        while True:
            try:
                with database.begin() as session:
                    return schema.read(session)
            except StoreUnavailable as error:
                if time.monotonic() > give_up_at:
                    reason = str(error.__cause__).splitlines()[0]
                    raise SystemExit(f"store: the database cannot be reached: {reason}") from None
                time.sleep(1)
    finally:
        database.close()


if __name__ == "__main__":
    main()
