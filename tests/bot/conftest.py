"""A stage for each test, with real database, files and broker."""

import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from bot.services import Services
from engine.variants.catalog import Catalog
from tests import broker
from tests.bot import stage as stages


@pytest.fixture(scope="session")
def broker_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with broker.running(tmp_path_factory.mktemp("broker")) as started:
        yield started.url


@pytest.fixture
def catalog() -> Catalog:
    return Catalog.load(["starter"])


@pytest.fixture
async def world(
    tmp_path: Path, sqlite_url: str, broker_url: str, catalog: Catalog
) -> AsyncIterator[Services]:
    built = stages.services(tmp_path, sqlite_url, broker_url, catalog)
    yield built
    built.tickets.close()
    built.database.close()


@pytest.fixture
async def stage(world: Services) -> AsyncIterator[stages.Stage]:
    async with stages.staged(world) as built:
        yield built


@pytest.fixture
def logged() -> Iterator[list[structlog.typing.EventDict]]:
    """Our own log lines."""
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.fixture(autouse=True)
def no_swallowed_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """discord.py logs what callbacks raise and goes on; a test must not."""
    yield
    swallowed = [
        record.getMessage()
        for record in caplog.get_records("call")
        if record.name.startswith("discord") and record.levelno >= logging.ERROR
    ]
    assert not swallowed
