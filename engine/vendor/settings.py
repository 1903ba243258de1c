"""The vendor account's settings, from the environment or `.env`; built in entry points."""

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.vendor.endpoints import Region


class VendorSettings(BaseSettings):
    """`REROLL_BFL_KEY` and `REROLL_BFL_REGION`; without a key the vendor's variants cannot draw.

    `bfl_region` is where requests are sent and processed: `global`, `eu` or `us`.
    """

    model_config = SettingsConfigDict(
        env_prefix="REROLL_", env_file=".env", extra="ignore", hide_input_in_errors=True
    )

    bfl_key: SecretStr = SecretStr("")
    bfl_region: Region = Field(default="global")

    @field_validator("bfl_key")
    @classmethod
    def _fits_a_header(cls, key: SecretStr) -> SecretStr:
        text = key.get_secret_value().strip()
        # Refused here, since an HTTP library would put what it cannot send into its error.
        if not all("!" <= sign <= "~" for sign in text):
            raise ValueError("a key is printable ASCII without blanks")
        return SecretStr(text)
