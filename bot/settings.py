"""The bot's settings, from the environment or `.env`; built in the entry point only."""

from pydantic import Field, SecretStr

from store.settings import Settings


class BotSettings(Settings):
    """`DISCORD_TOKEN`, and `REROLL_DISCORD_URL` for a local Discord instead of the real one."""

    token: SecretStr = Field(validation_alias="DISCORD_TOKEN")
    discord_url: str = ""
