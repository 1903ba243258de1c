"""The host's wishes for labels, from the environment or `.env`; built in entry points."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.labels.errors import CertificateUnusable
from engine.labels.labelling import Labels, Visible
from engine.labels.seal import Seal


class LabelSettings(BaseSettings):
    """`REROLL_PROVIDER`, `REROLL_VISIBLE_LABEL`, `REROLL_C2PA_CHAIN`, `_C2PA_KEY`, `_TIME_SERVER`.

    `provider` is the name or code under which the host generates content; `c2pa_chain` and
    `c2pa_key` are PEM files, `time_server` the address of an RFC 3161 service that proves times.
    """

    model_config = SettingsConfigDict(env_prefix="REROLL_", env_file=".env", extra="ignore")

    provider: str = "reroll"
    visible_label: Visible = Visible.OFF
    c2pa_chain: Path | None = None
    c2pa_key: Path | None = None
    time_server: str = ""

    def labels(self) -> Labels:
        """Read the certificate. Raises CertificateUnusable or ProviderInvalid."""
        seal = None
        if self.c2pa_chain and self.c2pa_key:
            seal = Seal.load(self.c2pa_chain, self.c2pa_key, self.time_server)
        elif self.c2pa_chain or self.c2pa_key:
            raise CertificateUnusable("REROLL_C2PA_CHAIN and REROLL_C2PA_KEY go together")
        return Labels(provider=self.provider, visible=self.visible_label, seal=seal)
