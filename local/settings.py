"""What the person who starts the programs has given: the environment, and `.env` behind it."""

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from engine.errors import VariantUnknown
from local.errors import WrongVariants
from store.settings import VariantSettings

TOKEN = "DISCORD_TOKEN"  # noqa: S105 - a name, not a token
DISCORD_URL = "REROLL_DISCORD_URL"
DATABASE_URL = "REROLL_DATABASE_URL"


def given(env_file: Path) -> dict[str, str]:
    """Return the environment, completed by the file; what the file leaves empty is not given."""
    written = {name: value for name, value in dotenv_values(env_file).items() if value}
    return {**written, **os.environ}


def check_variants() -> None:
    """Raise WrongVariants where the worker and the bot would, which start again and again."""
    settings = VariantSettings()
    try:
        settings.catalog()
    except VariantUnknown as error:
        name, known = error.params["name"], error.params["known"]
        raise WrongVariants(
            f"REROLL_VARIANTS names {name}, which is not one of: {known}."
        ) from None
    except ValueError as error:
        raise WrongVariants(str(error)) from None


def real_token(settings: Mapping[str, str]) -> str | None:
    """Return the token for the real Discord, if there is one."""
    return settings.get(TOKEN, "").strip() or None
