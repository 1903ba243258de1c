"""The worker as hosts run it: a process that may be killed at any moment."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import redis

from engine.variants.catalog import Catalog
from store.database import Database
from store.host import workers
from store.tables.orders import Generation
from tests.broker import RunningBroker
from tests.worker.conftest import left, order, read
from worker.events import redis_url
from worker.queue import Tickets

PROJECT = Path(__file__).resolve().parents[2]
SLOW = {"steps": 20, "width": 128, "height": 128, "guidance": 3.0}


class Worker:
    """One `python -m worker`."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self.process = self.start()

    def start(self, **more: str) -> subprocess.Popen[str]:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "worker"],
            cwd=PROJECT,
            env=os.environ | self._environment | more,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        if self.process.stdout.readline() != "REROLL READY\n":
            raise RuntimeError(f"the worker ended with {self.end(signal.SIGKILL)}")
        return self.process

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        code = self.process.wait(60)
        assert self.process.stdout
        self.process.stdout.close()
        return code


@pytest.fixture
def worker(sqlite_url: str, running_broker: RunningBroker, tmp_path: Path) -> Iterator[Worker]:
    started = Worker(
        {
            "REROLL_DATABASE_URL": sqlite_url,
            "REROLL_BROKER_URL": running_broker.url,
            "REROLL_FILES_URL": f"file://{tmp_path}/files",
            "REROLL_GRACE_S": "0.2",
            "REROLL_LOG_LEVEL": "warning",
        }
    )
    yield started
    if started.process.poll() is None:
        started.end(signal.SIGKILL)


def until(database: Database, placed: str, true: Callable[[Generation], bool]) -> Generation:
    give_up_at = time.monotonic() + 60
    while time.monotonic() < give_up_at:
        row = read(database, placed)
        if true(row):
            return row
        time.sleep(0.02)
    raise TimeoutError(f"{row.status} {[image.status for image in row.images]}")


def ended(row: Generation) -> bool:
    return row.status != "open"


def running(row: Generation) -> bool:
    return row.images[0].status == "running"


def test_killed_in_mid_order_and_started_again_it_ends_in_one_picture_each(
    worker: Worker, sqlite: Database, running_broker: RunningBroker
) -> None:
    placed = order(sqlite, 2, **SLOW)
    Tickets(running_broker.url).send("starter")
    until(sqlite, placed, running)
    worker.end(signal.SIGKILL)
    worker.start()
    row = until(sqlite, placed, ended)
    # Both were in hand: they are taken together.
    assert [(image.status, image.attempts) for image in row.images] == [("done", 2)] * 2
    assert left(sqlite) == 8


def test_terminated_it_hands_its_picture_back_and_leaves_cleanly(
    worker: Worker, sqlite: Database, running_broker: RunningBroker
) -> None:
    placed = order(sqlite, **SLOW)
    Tickets(running_broker.url).send("starter")
    until(sqlite, placed, running)
    assert worker.end(signal.SIGTERM) == 0
    image = read(sqlite, placed).images[0]
    assert (image.status, image.attempts) == ("queued", 0)


def test_how_many_pictures_share_a_forward_is_known_when_it_is_ready(
    worker: Worker, sqlite: Database, unused_tcp_port: int
) -> None:
    worker.end(signal.SIGTERM)
    worker.start(REROLL_METRICS_PORT=str(unused_tcp_port), REROLL_WORKER_NAME="w")
    told = httpx.get(f"http://127.0.0.1:{unused_tcp_port}/metrics").text
    width, height = Catalog.load(["starter"]).default.sizes.default
    assert f'reroll_rows{{size="{width}x{height}",variant="starter"}}' in told
    with sqlite.begin() as session:
        assert workers.rows(session, "w")["starter"][f"{width}x{height}"]["costs"]


def test_an_order_whose_ticket_died_with_the_broker_is_drawn_all_the_same(
    worker: Worker, sqlite: Database, running_broker: RunningBroker
) -> None:
    running_broker.kill()
    placed = order(sqlite, steps=1)
    running_broker.start()
    assert until(sqlite, placed, ended).status == "done"
    assert worker.end(signal.SIGTERM) == 0


def test_a_broker_that_throws_tickets_away_is_refused(
    sqlite_url: str, running_broker: RunningBroker, tmp_path: Path
) -> None:
    client = redis.Redis.from_url(redis_url(running_broker.url))
    client.config_set("maxmemory-policy", "allkeys-lru")
    client.config_set("maxmemory", "50mb")
    client.close()
    told = {
        "REROLL_DATABASE_URL": sqlite_url,
        "REROLL_BROKER_URL": running_broker.url,
        "REROLL_FILES_URL": f"file://{tmp_path}/files",
    }
    ended = subprocess.run(
        [sys.executable, "-m", "worker"],
        cwd=PROJECT,
        env=os.environ | told,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.returncode == 1
    assert "worker: REROLL_BROKER_URL" in ended.stderr
    assert "Set maxmemory-policy to noeviction" in ended.stderr
