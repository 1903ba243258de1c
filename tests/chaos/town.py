"""The product for the storm: bot, two workers that draw toys, broker, database; all mortal."""

import os
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from local.discord.limits import Rates
from local.discord.server import TOKEN, LocalDiscord
from local.discord.world import Person, Room, World
from local.folder import Folder
from local.stack import Door, Stack
from local.supervisor import Patience
from store.database import Database
from tests import broker, postgres
from tests.broker import RunningBroker
from tests.chaos.weather import Weather
from tests.engine import toys

LOCALES = ("en-US", "zh-CN", "zh-TW")
ROOMS = tuple(Room(f"studio-{number}") for number in range(5))
WORKERS = ("worker", "worker-2")
KILLED_OFTEN = Patience(first_delay=0.2, steady=0.0)
"""No number of deaths is too many here."""
BRISK = Rates(per_channel=20)
"""Rooms that are five times busier than Discord's, so that its limits are not what is tested."""


@dataclass(frozen=True)
class Town:
    """Everything that runs, and its doors."""

    world: World
    discord: LocalDiscord
    stack: Stack
    broker: RunningBroker
    server: postgres.Server | None
    database: Database
    weather: Weather
    told: list[str]


@asynccontextmanager
async def opened(
    folder: Path, members: int, programs: Path | None, dice: random.Random
) -> AsyncIterator[Town]:
    """Start everything in `folder`, on PostgreSQL where `programs` of a server are given."""
    place, told = Folder(folder), list[str]()
    (folder / "queue").mkdir(parents=True)
    with ExitStack() as stack, place.held():
        queue = stack.enter_context(broker.running(folder / "queue"))
        server = stack.enter_context(_surviving(programs)) if programs else None
        url = server.url if server else place.database_url
        given = {
            **os.environ,
            **_toy(folder / "toy"),
            "REROLL_BROKER_URL": queue.url,
            "REROLL_DATABASE_URL": url,
            "REROLL_GRACE_S": "1",
            "REROLL_TRAINS": "false",
        }
        database = stack.enter_context(_database(url))
        world = World(_cast(members), ROOMS)
        async with LocalDiscord(world, rates=BRISK) as discord:
            weather = Weather(discord.rest, dice)
            weather.bad = False
            discord.rest = weather  # type: ignore[assignment]
            door = Door(TOKEN, discord.url)
            async with Stack(place, given, door, told.append, KILLED_OFTEN) as running:
                await _second_worker(running)
                yield Town(world, discord, running, queue, server, database, weather, told)


def _surviving(programs: Path) -> AbstractContextManager[postgres.Server]:
    return postgres.running(programs, postgres.SURVIVES)


def _cast(members: int) -> tuple[Person, ...]:
    return tuple(
        Person(f"member{number}", f"Member {number}", LOCALES[number % len(LOCALES)])
        for number in range(members)
    )


def _toy(folder: Path) -> dict[str, str]:
    """Write the toy's weights and its variant; return the settings that name it."""
    torch.manual_seed(0)
    toys.toy_pipeline().save_pretrained(folder / "weights")
    text = toys.VARIANT.format(weights=(folder / "weights").as_posix())
    (folder / "variants").mkdir()
    (folder / "variants" / "toy.toml").write_text(text, encoding="utf-8")
    return {"REROLL_VARIANTS": "toy", "REROLL_VARIANTS_FOLDER": str(folder / "variants")}


async def _second_worker(running: Stack) -> None:
    name = WORKERS[1]
    first = running.supervisor.child("worker").program
    environment = {**first.environment, "REROLL_WORKER_NAME": name}
    running.supervisor.start(replace(first, name=name, environment=environment))
    await running.supervisor.ready(name, 300)


@contextmanager
def _database(url: str) -> Iterator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        database.close()
