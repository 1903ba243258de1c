"""`python -m bot doctor`: all that the bot needs, looked at."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial

from discord import AppCommandType
from pydantic import Field, SecretStr, ValidationError

from bot.client import Reroll
from bot.doctor.discord_side import discord_side
from bot.settings import BotSettings
from engine.errors import RerollError
from store.doctor import places, report
from store.doctor.report import Check, Finding
from worker.doctor.shared import shared, wrong_settings


class Lenient(BotSettings):
    """The bot's settings, where those that are missing are told one by one."""

    token: SecretStr = Field(default=SecretStr(""), validation_alias="DISCORD_TOKEN")
    database_url: SecretStr = SecretStr("")
    broker_url: SecretStr = SecretStr("")
    files_url: str = ""


def main(arguments: Sequence[str]) -> int:
    """Say what was found; return the exit code."""
    return report.run(report.parser("bot").parse_args(arguments), checks())


def checks() -> Mapping[str, Check]:
    """Return what to look at, as the environment has it."""
    try:
        settings = Lenient()
    except ValidationError as error:
        found = wrong_settings(error)
        return {"settings": lambda: [found]}
    database_url = settings.database_url.get_secret_value()
    return {
        **bot_side(settings),
        **shared(settings),
        "workers": partial(places.workers_alive, database_url),
    }


def bot_side(settings: BotSettings) -> Mapping[str, Check]:
    """Return checks of what only the bot needs."""
    token = settings.token.get_secret_value()
    return {
        "token": partial(discord_side, token, settings.discord_url, partial(commands, settings)),
        "plans": partial(plans, settings),
    }


def plans(settings: BotSettings) -> Iterator[Finding]:
    """Look whether the plans and the time zone can be read."""
    try:
        settings.defaults()
    except ValueError as error:
        yield report.broken("plans", str(error), "compare the file with store/money/plans.toml")
    else:
        yield report.ok("plans", f"{settings.plans_file}, midnight of {settings.time_zone}")


def commands(settings: BotSettings) -> Collection[str] | None:
    """Return the names of this version's commands, None where the settings make none."""
    from bot.__main__ import COMMANDS, build  # which imports this module

    try:
        services = build(settings)
    except (RerollError, ValueError, TypeError, LookupError, OSError):
        return None
    # Nothing of it connects before it is used, and nothing is.
    tree = Reroll(services, COMMANDS).tree
    for register in COMMANDS:
        register(tree, services)
    return frozenset(one.name for kind in AppCommandType for one in tree.get_commands(type=kind))
