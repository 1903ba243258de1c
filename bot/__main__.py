"""`python -m bot`: builds everything from settings, runs until told to stop, and ends in words.

`python -m bot doctor` looks at what it needs instead.
"""

import asyncio
import signal
import sys
from contextlib import suppress
from datetime import UTC, datetime

import aiohttp
import discord
import structlog
from prometheus_client import CollectorRegistry
from pydantic import ValidationError

from bot.background import Sweeper, for_ever, hear
from bot.client import Reroll
from bot.commands import (
    admin,
    again,
    checkin,
    defaults,
    edit,
    expand,
    gift,
    help,
    history,
    imagine,
    labels,
    lora,
    menus,
    presets,
    privacy,
    queue,
    quota,
    settings,
    show,
    upscale,
    variants,
    variations,
    verify,
)
from bot.delivery.broadcasting import Broadcaster
from bot.delivery.delivering import Delivery
from bot.delivery.progress import ProgressBoard
from bot.delivery.routes import Routes
from bot.doctor import visit
from bot.endpoint import use_local_discord
from bot.i18n import Texts
from bot.loras.telling import Telling
from bot.loras.training.telling import TrainingBoard
from bot.measured import endpoint
from bot.services import Services
from bot.settings import BotSettings
from bot.standby import Standby
from bot.wishes.options import Reader
from bot.wishes.sizes import size_words
from engine import setting_names
from engine.errors import VariantUnknown
from store import logs
from store.database import Database
from store.errors import StoreUnavailable
from store.files import Files
from store.host import schema
from store.host.schema import SchemaOld
from store.metrics.observers import NoTracing, observers
from store.outages import Outages
from worker.queue import BrokerEvicts, Tickets, refuse_eviction

READY = "REROLL READY"
"""What whoever starts this process waits for on its output."""
COMMANDS = tuple(
    command.register
    for command in (
        imagine,
        edit,
        variations,
        expand,
        upscale,
        menus,
        history,
        show,
        again,
        presets,
        lora,
        defaults,
        queue,
        quota,
        checkin,
        gift,
        privacy,
        settings,
        variants,
        labels,
        verify,
        help,
        admin,
    )
)

log = structlog.get_logger()


def main() -> None:
    """Run the bot; exit 0 when told to stop, 1 when Discord is away, 2 for wrong settings."""
    if sys.argv[1:2] == ["doctor"]:
        raise SystemExit(visit.main(sys.argv[2:]))
    try:
        settings = BotSettings()  # type: ignore[call-arg]  # from the environment
    except ValidationError as error:
        names = ", ".join(setting_names.wrong(error))
        _end(f"Settings missing or wrong: {names}. See .env.example.", 2)
    registry = CollectorRegistry()
    _watch(settings, registry)
    token = settings.token.get_secret_value()
    try:
        refuse_eviction(settings.broker_url.get_secret_value())
        if settings.discord_url:
            use_local_discord(settings.discord_url, token)
        asyncio.run(run(settings, token, registry))
    except (BrokerEvicts, SchemaOld, ValueError) as error:
        _end(str(error), 2)
    except VariantUnknown as error:
        known = error.params["known"]
        _end(f"REROLL_VARIANTS names {error.params['name']}, which is not one of: {known}.", 2)
    except discord.LoginFailure:
        _end("Discord refused the bot token. Check DISCORD_TOKEN.", 2)
    except (aiohttp.ClientError, discord.DiscordException, OSError) as error:
        # Not its repr: that has the headers, and a proxy's password may stand in them.
        said = f"{type(error).__name__}: {error}"
        _end(f"Discord cannot be reached, or closed the connection: {said}", 1)


def _watch(settings: BotSettings, registry: CollectorRegistry) -> None:
    try:
        watching = list(observers(settings, "bot", registry))
    except NoTracing as error:
        _end(str(error), 2)
    logs.configure(settings.log_level, settings.log_format, *watching)


async def run(settings: BotSettings, token: str, registry: CollectorRegistry) -> None:
    """Connect and serve until SIGTERM or SIGINT."""
    services = build(settings)
    client = Reroll(services, COMMANDS, user_install=settings.user_install)
    try:
        with endpoint(settings, services, client, registry):
            async with client:
                serving = asyncio.create_task(_serve(client, services, settings, token))
                for number in (signal.SIGTERM, signal.SIGINT):
                    asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
                with suppress(asyncio.CancelledError):
                    await serving
    finally:
        services.tickets.close()
        services.database.close()


def build(settings: BotSettings) -> Services:
    """Return the bot's world; nothing connects yet."""
    texts = Texts()
    catalog = settings.catalog()
    return Services(
        database=Database(settings.database_url.get_secret_value()),
        files=Files(settings.files_url, Outages()),
        tickets=Tickets(settings.broker_url.get_secret_value()),
        catalog=catalog,
        defaults=settings.defaults(),
        now=lambda: datetime.now(UTC),
        texts=texts,
        reader=Reader(catalog, size_words(texts)),
        writer=settings.writer(),
        owners=settings.owner_ids,
        lora_hosts=settings.lora_host_names,
        labels=settings.labels(),
        rules=settings.rules(),
        seals=settings.seals(),
    )


async def _serve(client: Reroll, services: Services, settings: BotSettings, token: str) -> None:
    routes = Routes(client, services.now, services.seals)
    board = ProgressBoard(services, routes)
    broker_url = settings.broker_url.get_secret_value()
    await client.login(token)
    await _require_tables(services)
    standby, serving = Standby(services, client.application_id or 0), asyncio.current_task()
    assert serving is not None
    await standby.wait()
    client.start_background(
        _say_ready(client),
        for_ever("standby", lambda: standby.run(serving.cancel)),
        for_ever("delivery", Delivery(services, routes).run),
        for_ever("waits", lambda: services.waits.run(services.database, services.turns)),
        for_ever("sweep", Sweeper(services).run),
        for_ever("loras", Telling(services, client).run),
        for_ever("trainings", TrainingBoard(services, client).run),
        for_ever("events", lambda: hear(services, board, broker_url)),
        for_ever("broadcasts", Broadcaster(services, client).run),
    )
    try:
        await client.connect()
    finally:
        await standby.leave()


async def _require_tables(services: Services) -> None:
    """Raise SchemaOld. A database that is away is waited for while members are told."""
    with suppress(StoreUnavailable):
        await asyncio.to_thread(schema.require, services.database)


async def _say_ready(client: Reroll) -> None:
    await client.wait_until_ready()
    log.info("ready", servers=len(client.guilds))
    print(READY, flush=True)


def _end(sentence: str, code: int) -> None:
    sys.stderr.write(f"{sentence}\n")
    raise SystemExit(code)


if __name__ == "__main__":
    main()
