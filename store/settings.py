"""Settings that every process needs, from the environment or `.env`; built in entry points."""

from pathlib import Path

from pydantic import Field, SecretStr

from engine.labels.settings import LabelSettings
from engine.variants.catalog import VARIANTS, Catalog
from engine.variants.licences import LicenceSettings, require_acknowledged
from store.loras.addresses import HOSTS


class VariantSettings(LicenceSettings):
    """`REROLL_VARIANTS`, `REROLL_VARIANTS_FOLDER`, and the licences that are acknowledged.

    `variants` are names separated by commas, the first is the default; `variants_folder` holds
    their TOML files, for hosts who write their own.
    """

    variants: str = "starter"
    variants_folder: Path = VARIANTS

    def catalog(self) -> Catalog:
        """Read the variants that are switched on.

        Raises VariantUnknown, VariantUnreadable, VocabularyUnreadable or LicenceUnacknowledged.
        """
        catalog = Catalog.load(self.variant_names, self.variants_folder)
        variants = (catalog[name] for name in catalog.names)
        require_acknowledged(variants, self.acknowledged_licences)
        return catalog

    @property
    def variant_names(self) -> tuple[str, ...]:
        """Return the variants that are switched on."""
        return tuple(name.strip() for name in self.variants.split(",") if name.strip())


class Settings(VariantSettings, LabelSettings):
    """Adds `REROLL_DATABASE_URL`, `REROLL_BROKER_URL`, `REROLL_FILES_URL`, `REROLL_LORA_HOSTS`.

    The last are hosts that LoRAs may be fetched from, separated by commas, with * for any letters.
    Addresses may hold passwords, so they are secrets: they never show in a repr or a log.
    `metrics_port` is where numbers are read and health is asked; 0 serves nothing. `traces_url` is
    an OpenTelemetry collector's, such as http://collector:4318/v1/traces.
    """

    database_url: SecretStr
    broker_url: SecretStr
    files_url: str
    lora_hosts: str = ",".join(HOSTS)
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    log_format: str = Field(default="text", pattern="^(text|json)$")
    metrics_port: int = Field(default=0, ge=0, le=65535)
    metrics_host: str = "127.0.0.1"
    traces_url: str = ""

    @property
    def lora_host_names(self) -> tuple[str, ...]:
        """Return the hosts that LoRAs may be fetched from."""
        return tuple(one.strip().lower() for one in self.lora_hosts.split(",") if one.strip())
