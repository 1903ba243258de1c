"""What Celery costs: ticket, claim and end through it, and through a bare Redis list.

`python -m bench queue` starts two processes on one database and one broker that take the same
tickets and write the same SQL (`claims.claim`, `ends.keep`) without drawing: one is a Celery
worker with the product's own options, one a loop around BRPOP. Bursts and single orders go through
them in turn, so that a busy machine slows both alike; it prints the medians and their ratio.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import redis
from celery import Celery, signals
from kombu import Queue

from store.database import Database
from store.host import migrate
from store.line import claims
from store.money.plans import Plan
from store.orders import placing
from tests import broker
from tests.store import ends
from tests.store.placing import NOON, kept, order, request
from worker.app import ARGUMENTS, OPTIONS
from worker.events import redis_url
from worker.queue import TASK, Tickets, queue_name

PLAN = Plan(daily_credits=10**6, concurrent=10**6)
WAYS = ("celery", "list")
READY = "BENCH READY"
LIST = "bench.list"
LONGEST_S = 120.0


def main(arguments: list[str] | None = None) -> None:
    """Measure both ways, or be one of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--burst", type=int, default=50)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", nargs=3, metavar=("WAY", "BROKER", "DATABASE"))
    options = parser.parse_args(arguments)
    if options.serve:
        way, broker_url, database_url = options.serve
        SERVERS[way](broker_url, Database(database_url))
        return
    figures = measure(options.rounds, options.burst)
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    for name, each in figures.items():
        print(
            f"{name}: Celery {each['celery']:.1f} ms an image, a list {each['list']:.1f} ms; "
            f"Celery has {each['throughput']:.2f} of its throughput, medians of {options.rounds}"
        )


def measure(rounds: int, burst: int) -> dict[str, dict[str, float]]:
    """Return milliseconds an image both ways, in bursts and one by one, and the ratio."""
    spent: dict[str, dict[str, list[float]]] = {}
    with _bench() as (broker_url, database_url):
        client = redis.Redis.from_url(redis_url(broker_url))
        database, tickets = Database(database_url), Tickets(broker_url)
        senders: dict[str, Callable[[], object]] = {
            "celery": lambda: tickets.send("celery"),
            "list": lambda: client.lpush(LIST, "list"),
        }
        for number in range(rounds + 1):
            for name, count in (("burst", burst), ("one by one", 1)):
                for way in WAYS:
                    seconds = _round(database, client, way, count, senders[way])
                    if number:  # the first round warms both up
                        kept_in = spent.setdefault(name, {}).setdefault(way, [])
                        kept_in.append(seconds * 1000 / count)
        tickets.close()
        database.close()
        client.close()
    return {name: _figures(each) for name, each in spent.items()}


def _figures(spent: dict[str, list[float]]) -> dict[str, float]:
    pairs = zip(spent["list"], spent["celery"], strict=True)
    ratios = [plain / mine for plain, mine in pairs]
    medians = {way: statistics.median(each) for way, each in spent.items()}
    return {**medians, "throughput": statistics.median(ratios)}


def _round(
    database: Database, client: "redis.Redis", way: str, count: int, send: Callable[[], object]
) -> float:
    """Place orders, then time from the first ticket to the end of the last."""
    for _ in range(count):
        with database.begin() as session:
            placing.create(session, order(request=request(1, way)), PLAN, NOON)
    client.delete(f"{way}.drawn", f"{way}.heard")
    started = time.perf_counter()
    for _ in range(count):
        send()
    while int(client.get(f"{way}.drawn") or 0) + int(client.get(f"{way}.heard") or 0) < 2 * count:
        if time.perf_counter() - started > LONGEST_S:
            raise TimeoutError(f"{way} has stopped")
        time.sleep(0.0005)
    return time.perf_counter() - started


def _take(database: Database, client: "redis.Redis", way: str) -> bool:
    """Claim an image and end it, as a worker does around its drawing."""
    with database.begin() as session:
        claim = claims.claim(session, way, [way])
    if claim is None:
        return False
    with database.begin() as session:
        ends.keep(session, claim, kept(claim.request))
    client.incr(f"{way}.drawn")
    return True


def _celery(broker_url: str, database: Database) -> None:
    client = redis.Redis.from_url(redis_url(broker_url))
    app = Celery("bench", broker=broker_url)
    app.conf.update(OPTIONS, task_queues=[Queue(queue_name("celery"))])

    @app.task(name=TASK)
    def work() -> None:
        while _take(database, client, "celery"):
            pass
        client.incr("celery.heard")

    signals.worker_ready.connect(lambda **_: print(READY, flush=True), weak=False)
    app.worker_main(ARGUMENTS)


def _list(broker_url: str, database: Database) -> None:
    client = redis.Redis.from_url(redis_url(broker_url), socket_timeout=None)
    print(READY, flush=True)
    while True:
        client.brpop([LIST])
        _take(database, client, "list")
        client.incr("list.heard")


SERVERS = {"celery": _celery, "list": _list}


@contextmanager
def _bench() -> Iterator[tuple[str, str]]:
    """Yield a broker and a database with both servers waiting."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="reroll-bench-")))
        queue = stack.enter_context(broker.running(folder))
        url = f"sqlite:///{folder / 'reroll.db'}"
        migrate.upgrade(url)
        for way in WAYS:
            stack.enter_context(_serving(way, queue.url, url))
        yield queue.url, url


@contextmanager
def _serving(way: str, broker_url: str, database_url: str) -> Iterator[None]:
    command = [sys.executable, "-m", "bench.queue", "--serve", way, broker_url, database_url]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        if process.stdout.readline().strip() != READY:
            raise RuntimeError(f"{way} ended with {process.wait()}")
        yield
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


if __name__ == "__main__":
    main()
