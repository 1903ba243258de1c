"""`python -m bot`: builds everything from settings, runs until told to stop, and ends in words."""

import asyncio
import signal
import sys
from contextlib import suppress
from datetime import UTC, datetime

import aiohttp
import discord
import structlog
from pydantic import ValidationError

from bot import logs
from bot.background import Sweeper, hear
from bot.client import Reroll
from bot.commands import history, imagine, quota
from bot.delivery import Delivery
from bot.endpoint import use_local_discord
from bot.i18n import Texts
from bot.options import Reader
from bot.progress import ProgressBoard
from bot.routes import Routes
from bot.services import Services
from bot.settings import BotSettings
from bot.sizes import size_words
from engine.catalog import Catalog
from store.database import Database
from store.files import Files
from store.plans import default_plan
from worker.queue import Tickets

READY = "REROLL READY"
"""What whoever starts this process waits for on its output."""
COMMANDS = (imagine.register, history.register, quota.register)

log = structlog.get_logger()


def main() -> None:
    """Run the bot; exit 0 when told to stop, 1 when Discord is away, 2 for wrong settings."""
    try:
        settings = BotSettings()  # type: ignore[call-arg]  # from the environment
    except ValidationError as error:
        names = ", ".join(str(one["loc"][0]) for one in error.errors())
        _end(f"Settings missing or wrong: {names}. See .env.example.", 2)
    logs.set_up(settings.log_level)
    token = settings.token.get_secret_value()
    try:
        if settings.discord_url:
            use_local_discord(settings.discord_url, token)
        asyncio.run(run(settings, token))
    except ValueError as error:
        _end(str(error), 2)
    except discord.LoginFailure:
        _end("Discord refused the bot token. Check DISCORD_TOKEN.", 2)
    except (aiohttp.ClientError, discord.HTTPException, OSError) as error:
        _end(f"Discord cannot be reached: {type(error).__name__}.", 1)


async def run(settings: BotSettings, token: str) -> None:
    """Connect and serve until SIGTERM or SIGINT."""
    services = build(settings)
    client = Reroll(services, COMMANDS)
    serving = asyncio.create_task(_serve(client, services, settings, token))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    try:
        with suppress(asyncio.CancelledError):
            await serving
    finally:
        await client.close()
        services.tickets.close()
        await services.database.aclose()


def build(settings: BotSettings) -> Services:
    """Return the bot's world; nothing connects yet."""
    texts = Texts()
    catalog = Catalog.load(settings.variant_names)
    return Services(
        database=Database(settings.database_url.get_secret_value()),
        files=Files(settings.files_url),
        tickets=Tickets(settings.broker_url.get_secret_value()),
        catalog=catalog,
        plan=default_plan(),
        now=lambda: datetime.now(UTC),
        texts=texts,
        reader=Reader(catalog, size_words(texts)),
    )


async def _serve(client: Reroll, services: Services, settings: BotSettings, token: str) -> None:
    async with client:
        await client.login(token)
        connection = asyncio.create_task(client.connect())
        ready = asyncio.create_task(client.wait_until_ready())
        await asyncio.wait({connection, ready}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        routes = Routes(client, services.now)
        board = ProgressBoard(services, routes)
        broker_url = settings.broker_url.get_secret_value()
        client.start_background(
            Delivery(services, routes).run(),
            Sweeper(services).run(),
            hear(services, board, broker_url),
        )
        log.info("ready", servers=len(client.guilds))
        print(READY, flush=True)
        await connection


def _end(sentence: str, code: int) -> None:
    sys.stderr.write(f"{sentence}\n")
    raise SystemExit(code)


if __name__ == "__main__":
    main()
