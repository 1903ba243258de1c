"""`python -m store upgrade|check`: migrations for the database in REROLL_DATABASE_URL."""

import argparse

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from store import migrate


class _Address(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="REROLL_", env_file=".env", extra="ignore")

    database_url: SecretStr


def main() -> None:
    """Run the named command."""
    parser = argparse.ArgumentParser(prog="python -m store", description=__doc__)
    parser.add_argument("command", choices=("upgrade", "check"))
    arguments = parser.parse_args()
    url = _Address().database_url.get_secret_value()  # type: ignore[call-arg]  # from environment
    {"upgrade": migrate.upgrade, "check": migrate.check}[arguments.command](url)


if __name__ == "__main__":
    main()
