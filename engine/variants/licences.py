"""The licence gate: a variant without commercial use starts only where a host acknowledges it."""

from collections.abc import Iterable

from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.variants.catalog import Variant


class LicenceUnacknowledged(ValueError):
    """Variants are switched on whose licences nobody has acknowledged; the text says what to do."""


class LicenceSettings(BaseSettings):
    """`REROLL_ACKNOWLEDGED_LICENCES`: names of variants or of licences, separated by commas."""

    model_config = SettingsConfigDict(env_prefix="REROLL_", env_file=".env", extra="ignore")

    acknowledged_licences: str = ""


def require_acknowledged(variants: Iterable[Variant], acknowledged: str) -> None:
    """Raise LicenceUnacknowledged unless every variant may be used commercially or is named.

    A licence counts by its whole name, whatever its case.
    """
    named = {name.strip().casefold() for name in acknowledged.split(",")}
    missing = [
        f"{variant.name} ({variant.licence.name})"
        for variant in variants
        if not variant.licence.commercial
        and named.isdisjoint({variant.name.casefold(), variant.licence.name.casefold()})
    ]
    if missing:
        raise LicenceUnacknowledged(
            f"No commercial use is allowed of {', '.join(missing)}: read the licence, then put "
            "its name or the variant's into REROLL_ACKNOWLEDGED_LICENCES."
        )
