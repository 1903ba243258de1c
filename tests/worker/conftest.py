"""A worker's real parts: engine with the shipped starter, broker, database, files."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.engine import Engine
from engine.request import GenerationRequest
from engine.variants.catalog import Catalog
from store.database import Database
from store.files import Files
from store.money import ledger
from store.orders import generations
from store.tables.orders import Generation
from tests import broker
from tests.store.placing import NOON, PLAN, place, request
from worker.drawing import Parts
from worker.events import Doorbell
from worker.hand import Hand
from worker.loras import Loras


@pytest.fixture
def running_broker(tmp_path: Path) -> Iterator[broker.RunningBroker]:
    with broker.running(tmp_path) as started:
        yield started


@pytest.fixture(scope="session")
def engine() -> Engine:
    return Engine(device="cpu")


@pytest.fixture
def sqlite(sqlite_url: str) -> Iterator[Database]:
    opened = Database(sqlite_url)
    yield opened
    opened.close()


@pytest.fixture
def parts(
    sqlite: Database, tmp_path: Path, running_broker: broker.RunningBroker, engine: Engine
) -> Iterator[Parts]:
    doorbell = Doorbell(running_broker.url)
    files = Files(f"file://{tmp_path}/files")
    yield Parts(
        name="w",
        catalog=Catalog.load(["starter"]),
        database=sqlite,
        files=files,
        engine=engine,
        doorbell=doorbell,
        hand=Hand(),
        loras=Loras(files),
    )
    doorbell.close()


def asked(count: int = 1, **changes: Any) -> GenerationRequest:
    """Return a request that is quick to draw."""
    values: dict[str, Any] = {"width": 64, "height": 64, "steps": 1, "guidance": 1.0}
    return replace(request(count), **(values | changes))


def order(database: Database, count: int = 1, **changes: Any) -> str:
    """Place an order; return its id."""
    with database.begin() as session:
        return place(session, count, request=asked(count, **changes))


def read(database: Database, generation_id: str) -> Generation:
    """Return an order with its images."""
    with database.begin() as session:
        return generations.get(session, generation_id)


def left(database: Database) -> int:
    """Return the member's credits, of ten."""
    with database.begin() as session:
        return ledger.balance(session, ledger.Flow(5, 1), PLAN, NOON).left
