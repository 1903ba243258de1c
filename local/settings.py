"""What the person who starts the programs has given: the environment, and `.env` behind it."""

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

TOKEN = "DISCORD_TOKEN"  # noqa: S105 - a name, not a token


def given(env_file: Path) -> dict[str, str]:
    """Return the environment, completed by the file; what the file leaves empty is not given."""
    written = {name: value for name, value in dotenv_values(env_file).items() if value}
    return {**written, **os.environ}


def real_token(settings: Mapping[str, str]) -> str | None:
    """Return the token for the real Discord, if there is one."""
    return settings.get(TOKEN, "").strip() or None
