"""`python -m store upgrade|check`: migrations for the database in REROLL_DATABASE_URL.

`upgrade` waits for a database that is away, and leaves one of a newer version as it is.
"""

import argparse
import time

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from store import migrate, schema
from store.database import Database
from store.errors import StoreUnavailable

PATIENCE_S = 30.0
"""A server that starts at the same time is there by then."""


class _Address(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="REROLL_", env_file=".env", extra="ignore")

    database_url: SecretStr


def main() -> None:
    """Run the named command."""
    parser = argparse.ArgumentParser(prog="python -m store", description=__doc__)
    parser.add_argument("command", choices=("upgrade", "check"))
    arguments = parser.parse_args()
    url = _Address().database_url.get_secret_value()  # type: ignore[call-arg]  # from environment
    {"upgrade": upgrade, "check": migrate.check}[arguments.command](url)


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
        raise SystemExit(f"store: {error.__cause__}. Nothing was changed; try again.") from None


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
