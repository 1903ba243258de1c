"""The bot's settings, from the environment or `.env`; built in the entry point only."""

from collections.abc import Set
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr

from bot.rules import loading
from bot.rules.loading import SHIPPED
from bot.rules.matching import Rules
from bot.seals import Seals
from bot.wishes.writer import Writer
from store.choices.servers import Defaults
from store.money.plans import PLANS, Plans
from store.settings import Settings


class BotSettings(Settings):
    """`DISCORD_TOKEN`, and `REROLL_DISCORD_URL` for a local Discord instead of the real one.

    `REROLL_USER_INSTALL` lets members add the bot to their own account, on the plan that everyone
    has. `REROLL_OWNERS` are ids of people who may use /admin, separated by commas, beside the
    application's owner or team. `REROLL_PLANS_FILE` and `REROLL_TIME_ZONE` are what servers start
    with; `REROLL_RULES_FILE` holds the host's rules about words in prompts. `REROLL_TOKEN_KEY`
    seals interaction tokens in the database, in place of the bot token. `REROLL_WRITER_URL` is a
    language model that writes prompts out for members who ask for it.
    """

    token: SecretStr = Field(validation_alias="DISCORD_TOKEN")
    token_key: SecretStr | None = None
    discord_url: str = ""
    user_install: bool = True
    plans_file: Path = PLANS
    rules_file: Path = SHIPPED
    time_zone: str = "UTC"
    writer_url: str = Field(default="", pattern=r"^(https?://.+)?$")
    writer_model: str = ""
    writer_key: SecretStr = SecretStr("")
    owners: str = Field(default="", pattern=r"^[\d,\s]*$")

    @property
    def owner_ids(self) -> Set[int]:
        """Return those who run the bot, beside whom Discord knows."""
        return frozenset(int(one) for one in self.owners.replace(",", " ").split())

    def writer(self) -> Writer | None:
        """Return what writes prompts out, if anything does."""
        if not self.writer_url:
            return None
        return Writer(self.writer_url, self.writer_model, self.writer_key.get_secret_value())

    def seals(self) -> Seals:
        """Return what seals interaction tokens."""
        return Seals.of((self.token_key or self.token).get_secret_value())

    def rules(self) -> Rules:
        """Read the rules. Raises ValueError where the file is of no use."""
        try:
            return loading.load(self.rules_file)
        except loading.BROKEN as error:
            raise ValueError(f"REROLL_RULES_FILE: {self.rules_file}: {error!r}") from error

    def defaults(self) -> Defaults:
        """Read the plans. Raises ValueError where the file or the time zone is of no use."""
        try:
            plans = Plans.load(self.plans_file)
        except (OSError, KeyError, TypeError, ArithmeticError, ValueError) as error:
            raise ValueError(f"REROLL_PLANS_FILE: {self.plans_file}: {error!r}") from error
        try:
            return Defaults(plans, ZoneInfo(self.time_zone))
        except (KeyError, OSError, ValueError) as error:  # ZoneInfoNotFoundError is a KeyError
            raise ValueError(f"REROLL_TIME_ZONE: no time zone {self.time_zone!r}") from error
