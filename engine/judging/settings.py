"""The host's wishes for the output check, from the environment or `.env`; torch-free."""

import re
from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.judging.verdicts import RULES

PINNED = re.compile(r"(?P<source>[\w.-]+/[\w.-]+)@(?P<revision>[0-9a-f]{40})")


class JudgeSettings(BaseSettings):
    """`REROLL_CHECK_MODEL` and `REROLL_CHECK_RULES`.

    `check_model` is an image classifier for transformers: a folder, or `owner/name@commit` of the
    hub with the full commit; nothing is checked where it is empty. `check_rules` is a file like
    `engine/judging/judging.toml`.
    """

    model_config = SettingsConfigDict(env_prefix="REROLL_", env_file=".env", extra="ignore")

    check_model: str = ""
    check_rules: Path = RULES
