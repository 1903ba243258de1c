"""What a claim costs as the line grows: the median with a hundred images and with 100,000.

`python -m bench.claims` fills a database, SQLite and, where there is a server, PostgreSQL, with a
line of ten images a member over two variants, of which every other one needs one of 200 LoRAs, and
times claims of a worker that has forty at hand, new orders and ends in it.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sqlalchemy import insert, select, text, update

from engine.request import LoraUse
from store.database import Database
from store.host import migrate, workers
from store.line import claims
from store.line.fairness import Residency
from store.money.plans import Plan
from store.orders import generations, placing
from store.tables.lines import Lane
from store.tables.money import Account
from store.tables.orders import Generation, Image
from tests import postgres
from tests.store import ends
from tests.store.placing import NOON, kept, order, request

PLAN = Plan(daily_credits=1_000_000)
VARIANTS = ("v0", "v1")
EACH = 10
SIZES = (100, 100_000)
LORAS = [f"{number:064x}" for number in range(200)]
THERE = Residency(frozenset(VARIANTS[:1]), 0.0, loras=frozenset(LORAS[:40]), none_brought_for_s=0.0)
Spent = dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Figures:
    """Medians in milliseconds with `waiting` images in line."""

    database: str
    waiting: int
    order: float
    claim: float
    keep: float


def main(arguments: list[str] | None = None) -> None:
    """Measure both databases at both sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    figures = [each for name in ("sqlite", "postgresql") for each in both(name, options.rounds)]
    if options.json:
        print(json.dumps([asdict(each) for each in figures], indent=2))
        return
    for each in figures:
        print(
            f"{each.database} with {each.waiting} waiting: order {each.order:.1f} ms, "
            f"claim {each.claim:.1f} ms, keep {each.keep:.1f} ms"
        )


def both(name: str, rounds: int) -> list[Figures]:
    """Measure a short and a long line in turn, so that a busy machine slows both alike."""
    with ExitStack() as stack:
        lines: list[tuple[int, Database, Spent]] = []
        for waiting in SIZES:
            database = stack.enter_context(_opened(name))
            if database is None:
                return []
            _fill(database, waiting // EACH)
            lines.append((waiting, database, {"order": [], "claim": [], "keep": []}))
        for number in range(rounds):
            for _, database, spent in lines:
                _one(database, number, spent)
    return [
        Figures(
            name, waiting, **{key: statistics.median(each) * 1000 for key, each in spent.items()}
        )
        for waiting, _, spent in lines
    ]


def _one(database: Database, number: int, spent: Spent) -> None:
    with database.begin() as session:
        workers.report(session, "w", VARIANTS)
    with _timed(spent["order"]), database.begin() as session:
        uses = (LoraUse(LORAS[number % len(LORAS)]),)
        wanted = replace(request(1, VARIANTS[number % 2]), loras=uses)
        asked = order(1, 10**6 + number, request=wanted)
        placing.create(session, asked, PLAN, NOON)
    with _timed(spent["claim"]), database.begin() as session:
        claim = claims.claim(session, "w", VARIANTS, THERE)
    assert claim
    with _timed(spent["keep"]), database.begin() as session:
        ends.keep(session, claim, kept(claim.request))


def _fill(database: Database, members: int) -> None:
    """Queue ten images for each member, as orders would, without their time."""
    with database.begin() as session:
        row = _row(session.get_bind().dialect.name, database)
    numbers = range(1, members + 1)
    ids = [f"{number:010d}" for number in numbers]
    mine = [{"guild_id": 5, "user_id": number} for number in numbers]
    with database.begin() as session:
        session.execute(insert(Account), mine)
        session.execute(
            insert(Lane),
            [
                {
                    **each,
                    "id": each["user_id"] + 10,
                    "variant": VARIANTS[each["user_id"] % 2],
                    "head_at": each["user_id"],
                    "settled": float(each["user_id"] % 977),
                    "vtime": float(each["user_id"] % 977),
                    "head_loras": _lora(each["user_id"], 0),
                }
                for each in mine
            ],
        )
        session.execute(
            insert(Generation),
            [
                {**row, **each, "id": key, "interaction_id": -each["user_id"]}
                for key, each in zip(ids, mine, strict=True)
            ],
        )
        session.execute(
            insert(Image),
            [
                {
                    "generation_id": key,
                    "index": index,
                    "variant": VARIANTS[number % 2],
                    "seed": index,
                    "lane_id": number + 10,
                    "effort": 40,
                    "loras": _lora(number, index),
                    "created_at": number,
                    "status": "queued",
                    "fence": 0,
                    "attempts": 0,
                }
                for number, key in zip(numbers, ids, strict=True)
                for index in range(EACH)
            ],
        )
    with database.begin() as session:
        session.execute(text("ANALYZE"))


def _lora(number: int, index: int) -> str | None:
    return LORAS[(number + index) % len(LORAS)] if index % 2 == 0 else None


def _row(dialect: str, database: Database) -> dict[str, object]:
    """Return the columns of one real order of ten, which is then out of the way."""
    with database.begin() as session:
        placed = placing.create(
            session, order(EACH, 0, request=request(EACH, VARIANTS[0])), PLAN, NOON
        )
        table = Generation.__table__
        row = session.execute(select(table).where(table.c.id == placed.id)).one()
        generations.cancel(session, placed.id, 0, moderator=False)
        session.execute(update(Generation).values(delivered_at=1))
        if dialect == "postgresql":
            session.execute(text("SELECT setval('lanes_id_seq', 1000000)"))
    return dict(row._mapping)


@contextmanager
def _timed(kept_in: list[float]) -> Iterator[None]:
    started = time.perf_counter()
    yield
    kept_in.append(time.perf_counter() - started)


@contextmanager
def _opened(name: str) -> Iterator[Database | None]:
    """Yield a fresh database; None where there is no such server."""
    if name == "sqlite":
        with tempfile.TemporaryDirectory(prefix="reroll-bench-") as folder:
            yield from _migrated(f"sqlite:///{Path(folder) / 'reroll.db'}")
    elif programs := postgres.binaries():
        with postgres.running(programs) as server:
            yield from _migrated(server.url)
    else:
        yield None


def _migrated(url: str) -> Iterator[Database]:
    migrate.upgrade(url)
    database = Database(url)
    yield database
    database.close()


if __name__ == "__main__":
    main()
