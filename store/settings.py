"""Addresses that every process needs, from the environment or `.env`; built in entry points."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.catalog import VARIANTS


class Settings(BaseSettings):
    """`REROLL_DATABASE_URL`, `REROLL_BROKER_URL`, `REROLL_FILES_URL`, `REROLL_VARIANTS`.

    Addresses may hold passwords, so they are secrets: they never show in a repr or a log.
    `variants` are names separated by commas, the first is the default; `variants_folder` holds
    their TOML files, for hosts who write their own.
    """

    model_config = SettingsConfigDict(env_prefix="REROLL_", env_file=".env", extra="ignore")

    database_url: SecretStr
    broker_url: SecretStr
    files_url: str
    variants: str = "starter"
    variants_folder: Path = VARIANTS
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")

    @property
    def variant_names(self) -> tuple[str, ...]:
        """Return the variants that are switched on."""
        return tuple(name.strip() for name in self.variants.split(",") if name.strip())
