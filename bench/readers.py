"""What members who look wait on SQLite while others write, through the doors for readers.

`python -m bench readers` fills a database with a member's 10,000 orders and lets, at once,
* two processes draw as workers do: report, claim, 0.2 s of drawing, keep,
* four members order, in the process of those who look, as in the bot,
* four members look: at the line as /queue does, and for orders as /show does at each letter.
Those who look do it in turn, a few seconds each time, in transactions that may write (`run`, as all
did once) and in such that may not (`read`). It prints medians and 95th percentiles of what each act
takes, and what the second way takes of the first.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench import crowd
from store.database import Database
from store.errors import StoreUnavailable
from store.host import migrate, workers
from store.line import claims, queues
from store.money.ledger import Flow
from store.money.plans import Plan
from store.orders import placing, searches
from tests.store import ends
from tests.store.placing import NOON, kept, order

PLAN = Plan(daily_credits=10_000_000)
GUILD, OLD = 5, 1
ROWS = 10_000
WORKERS, ORDERING, LOOKING = 2, 4, 4
DRAWING_S, BETWEEN_ORDERS_S, BETWEEN_LOOKS_S = 0.2, 0.6, 0.05
SHOWN = 25
DOORS = ("run", "read")
Spent = dict[str, list[float]]
PROCESSES = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Figure:
    """What an act takes, in milliseconds, while others look by each of the `DOORS`."""

    act: str
    count: int
    median: Mapping[str, float]
    p95: Mapping[str, float]

    def __str__(self) -> str:
        """Return a line: the second door's over the first one's, and what they are."""
        pairs = (
            (name, *(found[door] for door in DOORS))
            for name, found in (("median", self.median), ("p95", self.p95))
        )
        said = [f"{name} {b / a:.2f} ({a:.1f} -> {b:.1f} ms)" for name, a, b in pairs]
        return f"{self.act}: {', '.join(said)}, {self.count} times each at least"


def main(arguments: list[str] | None = None) -> None:
    """Measure in a temporary folder and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="reroll-bench-") as folder:
        url = f"sqlite:///{Path(folder) / 'reroll.db'}"
        figures = measured(url, options.rounds, options.seconds)
    load = os.getloadavg()[1]
    if options.json:
        print(json.dumps({"load": load, "figures": [asdict(each) for each in figures]}, indent=2))
        return
    for each in figures:
        print(each)
    print(f"{os.cpu_count()} cores, load {load:.1f}")


def measured(url: str, rounds: int, seconds: float) -> list[Figure]:
    """Return what looks and orders take while members look by each door in turn."""
    migrate.upgrade(url)
    database = Database(url)
    try:
        crowd.fill(database, GUILD, OLD, ROWS, 1)
        with _drawn(url):
            spent = asyncio.run(_lived(database, rounds, seconds))
    finally:
        database.close()
    return [_figure(act, {door: spent[door][act] for door in DOORS}) for act in spent[DOORS[0]]]


async def _lived(database: Database, rounds: int, seconds: float) -> Mapping[str, Spent]:
    spent: dict[str, Spent] = {door: {"queue": [], "show": [], "order": []} for door in DOORS}
    for _ in range(rounds):
        for door, found in spent.items():
            async with _ordering(database, found["order"]):
                looks = (_looked(database, door, found, nth, seconds) for nth in range(LOOKING))
                await asyncio.gather(*looks)
    return spent


async def _looked(database: Database, door: str, spent: Spent, nth: int, seconds: float) -> None:
    """Look at the line and for orders, again and again."""
    through: Callable[..., Any] = {"run": database.run, "read": database.read}[door]
    ends_at = time.monotonic() + seconds
    line = partial(through, queues.read, Flow(GUILD, 2 + nth % ORDERING))
    typed = partial(through, searches.history, Flow(GUILD, OLD), offset=0, limit=SHOWN)
    while time.monotonic() < ends_at:
        for act, look in (("queue", line), ("show", typed)):
            with _timed(spent[act]):
                await look()
            await asyncio.sleep(BETWEEN_LOOKS_S)


@asynccontextmanager
async def _ordering(database: Database, spent: list[float]) -> AsyncIterator[None]:
    """Have members order meanwhile, one picture at a time."""

    async def orders(user_id: int) -> None:
        await asyncio.sleep(BETWEEN_ORDERS_S * user_id / ORDERING)
        while True:
            asked = order(1, user_id, guild_id=GUILD)
            with _timed(spent):
                await database.run(placing.create, asked, PLAN, NOON)
            await asyncio.sleep(BETWEEN_ORDERS_S)

    members = [asyncio.create_task(orders(2 + nth)) for nth in range(ORDERING)]
    try:
        yield
    finally:
        for one in members:
            one.cancel()
        for one in members:
            with suppress(asyncio.CancelledError):
                await one


@contextmanager
def _drawn(url: str) -> Iterator[None]:
    """Have workers draw in processes of their own."""
    ended = PROCESSES.Event()
    drawing = [
        PROCESSES.Process(target=_draw, args=(url, f"w{nth}", ended)) for nth in range(WORKERS)
    ]
    for one in drawing:
        one.start()
    try:
        yield
    finally:
        ended.set()
        for one in drawing:
            one.join()
    assert not any(one.exitcode for one in drawing)


def _draw(url: str, name: str, ended: Any) -> None:
    database = Database(url)
    while not ended.is_set():
        with suppress(StoreUnavailable):  # as a worker does, it goes on
            _draw_one(database, name, ended)
    database.close()


def _draw_one(database: Database, name: str, ended: Any) -> None:
    with database.begin() as session:
        workers.report(session, name, ("starter",))
        claim = claims.claim(session, name, ("starter",))
    ended.wait(DRAWING_S)
    if claim is not None:
        with database.begin() as session:
            ends.keep(session, claim, kept(claim.request))


def _figure(act: str, spent: Mapping[str, Sequence[float]]) -> Figure:
    return Figure(
        act,
        min(map(len, spent.values())),
        {door: statistics.median(times) for door, times in spent.items()},
        {door: statistics.quantiles(times, n=20)[18] for door, times in spent.items()},
    )


@contextmanager
def _timed(kept_in: list[float]) -> Iterator[None]:
    started = time.perf_counter()
    yield
    kept_in.append(1000 * (time.perf_counter() - started))


if __name__ == "__main__":
    main()
