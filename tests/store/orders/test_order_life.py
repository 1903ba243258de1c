"""Whatever members, workers and sweepers do to an order in whatever order, it ends exactly once."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select, update
from sqlalchemy.orm import Session, selectinload

from engine.errors import EngineFailed
from store.database import Database
from store.errors import Gone, LeaseLost
from store.line import claims
from store.line.claims import MOST_ATTEMPTS, Claim
from store.money.plans import Plan
from store.orders import deliveries, generations, placing
from store.orders.order import Order, new_id
from store.sweep import reclaim, sweep
from store.tables.money import LedgerEntry
from store.tables.orders import Generation, Image
from tests.store import ends
from tests.store.placing import NOON, kept, order, request

PLAN = Plan(daily_credits=10**6, concurrent=10**6)
PRICE = 3
WORKERS = ("one", "two")
Key = tuple[str, int]
Ending = Callable[[Session, Claim], bool]
numbers = itertools.count(1)


def keep(session: Session, claim: Claim) -> bool:
    return ends.keep(session, claim, kept(claim.request))


def fail(session: Session, claim: Claim) -> bool:
    return ends.fail(session, claim, EngineFailed())


def retry(session: Session, claim: Claim) -> bool:
    return ends.retry(session, claim, EngineFailed())


ENDINGS: tuple[Ending, ...] = (keep, fail, retry, ends.cancelled, ends.release)


class Life(RuleBasedStateMachine):
    """Orders of one variant in a real database, beside a model of what each image must be."""

    database: Database
    orders: Bundle[Order] = Bundle("orders")
    taken: Bundle[Claim] = Bundle("taken")

    def __init__(self) -> None:
        super().__init__()
        number = next(numbers)
        self.variant, self.guild = f"v{number}", 100 + number
        self.workers = {name: f"{name}-{number}" for name in WORKERS}
        self.images: dict[Key, str] = {}
        self.live: dict[Key, tuple[Claim, str]] = {}
        self.fences: dict[Key, int] = {}
        self.stopped: set[str] = set()
        self.deleted: set[str] = set()
        self.shown: set[str] = set()
        self.ends: Counter[str] = Counter()

    def is_open(self, generation_id: str) -> bool:
        return bool({"queued", "running"} & set(self.states(generation_id)))

    def states(self, generation_id: str) -> list[str]:
        return [state for (mine, _), state in self.images.items() if mine == generation_id]

    def become(self, key: Key, state: str, finished: bool | None = None) -> None:
        self.live.pop(key, None)
        self.images[key] = state
        ended = not self.is_open(key[0])
        self.ends[key[0]] += ended
        assert finished in (None, ended)

    @rule(target=orders, user=st.integers(1, 2), count=st.integers(1, 3))
    def place(self, user: int, count: int) -> Order:
        asked = order(
            count,
            user,
            guild_id=self.guild,
            request=request(count, self.variant),
            price=PRICE * count,
        )
        with self.database.begin() as session:
            placed = placing.create(session, asked, PLAN, NOON)
        assert placed.id == asked.id
        self.images |= {(asked.id, index): "queued" for index in range(count)}
        return asked

    @rule(asked=orders)
    def submit_twice(self, asked: Order) -> None:
        values = {name: getattr(asked, name) for name in Order.__dataclass_fields__}
        again = Order(**(values | {"id": new_id()}))
        with self.database.begin() as session:
            assert placing.create(session, again, PLAN, NOON).id == asked.id

    @rule(target=taken, worker=st.sampled_from(WORKERS))
    def claim(self, worker: str) -> object:
        with self.database.begin() as session:
            claim = claims.claim(session, self.workers[worker], [self.variant])
        if claim is None:
            assert "queued" not in self.images.values()
            return multiple()
        key = (claim.generation_id, claim.index)
        assert self.images[key] == "queued"
        assert key not in self.live
        assert claim.fence > self.fences.get(key, 0)
        assert claim.attempt <= MOST_ATTEMPTS
        self.fences[key] = claim.fence
        self.images[key], self.live[key] = "running", (claim, self.workers[worker])
        return claim

    def holds(self, claim: Claim) -> bool:
        held = self.live.get((claim.generation_id, claim.index))
        return held is not None and held[0] == claim

    @rule(claim=taken)
    def beat(self, claim: Claim) -> None:
        with self.database.begin() as session:
            if self.holds(claim):
                wanted = claim.generation_id not in self.stopped
                assert claims.beat(session, claim) == wanted
            else:
                with pytest.raises(LeaseLost):
                    claims.beat(session, claim)

    @rule(claim=taken, ending=st.sampled_from(ENDINGS))
    def end(self, claim: Claim, ending: Ending) -> None:
        if not self.holds(claim):
            with pytest.raises(LeaseLost), self.database.begin() as session:
                ending(session, claim)
            return
        with self.database.begin() as session:
            finished = ending(session, claim)
        state = self.after(claim, ending)
        if state == "queued":
            assert not finished
        self.become((claim.generation_id, claim.index), state, finished)

    def after(self, claim: Claim, ending: Ending) -> str:
        stopped = claim.generation_id in self.stopped
        if ending is keep:
            return "cancelled" if claim.generation_id in self.deleted else "done"
        if ending is fail or (ending is retry and claim.attempt >= MOST_ATTEMPTS):
            return "failed"
        return "cancelled" if stopped or ending is ends.cancelled else "queued"

    @rule(claim=consumes(taken))
    def lose_the_lease(self, claim: Claim) -> None:
        if not self.holds(claim):
            return
        mine = (Image.generation_id == claim.generation_id, Image.index == claim.index)
        with self.database.begin() as session:
            session.execute(update(Image).where(*mine).values(lease_until=1))
        with self.database.begin() as session:
            finished = sweep(session, watched_ms=0).finished
        self.lost(claim, finished)
        with pytest.raises(LeaseLost), self.database.begin() as session:
            keep(session, claim)

    @rule(worker=st.sampled_from(WORKERS))
    def start_again(self, worker: str) -> None:
        with self.database.begin() as session:
            finished = reclaim(session, self.workers[worker])
        for claim, holder in list(self.live.values()):
            if holder == self.workers[worker]:
                self.lost(claim, finished)

    def lost(self, claim: Claim, finished: frozenset[str]) -> None:
        state = "failed" if claim.attempt >= MOST_ATTEMPTS else "queued"
        if claim.generation_id in self.stopped:
            state = "cancelled"
        self.become((claim.generation_id, claim.index), state)
        assert self.is_open(claim.generation_id) or claim.generation_id in finished

    @rule(asked=orders, deletes=st.booleans())
    def stop(self, asked: Order, deletes: bool) -> None:
        act = generations.delete if deletes else generations.cancel
        with self.database.begin() as session:
            if asked.id in self.deleted:
                with pytest.raises(Gone):
                    act(session, asked.id, asked.user_id, moderator=False)
                return
            act(session, asked.id, asked.user_id, moderator=False)
        if deletes:
            self.deleted.add(asked.id)
        if not self.is_open(asked.id):
            return
        self.stopped.add(asked.id)
        waiting = [key for key, state in self.images.items() if state == "queued"]
        for key in waiting:
            if key[0] == asked.id:
                self.images[key] = "cancelled"
        self.ends[asked.id] += not self.is_open(asked.id)

    @rule(asked=orders)
    def deliver(self, asked: Order) -> None:
        with self.database.begin() as session:
            due = {row.id for row in deliveries.due(session, limit=10**4)}
            wants = not self.is_open(asked.id) and asked.id not in self.deleted | self.shown
            assert (asked.id in due) == wants
            if wants:
                assert deliveries.delivered(session, session.get_one(Generation, asked.id), 8)
                self.shown.add(asked.id)

    @rule(asked=orders)
    def close_again(self, asked: Order) -> None:
        with self.database.begin() as session:
            assert not generations.close_if_finished(session, generations.lock(session, asked.id))

    @invariant()
    def it_is_as_it_must_be(self) -> None:
        with self.database.begin() as session:
            rows = session.scalars(
                select(Generation)
                .where(Generation.guild_id == self.guild)
                .options(selectinload(Generation.images))
            )
            seen = {}
            for row in rows:
                seen |= {(row.id, image.index): image.status for image in row.images}
                self.check(session, row)
        assert seen == self.images

    def check(self, session: Session, row: Generation) -> None:
        states = self.states(row.id)
        done = states.count("done")
        assert (row.status == "open") == self.is_open(row.id) == (row.finished_at is None)
        assert self.ends[row.id] == (not self.is_open(row.id))
        entries = session.scalars(select(LedgerEntry).where(LedgerEntry.reference == row.id)).all()
        kinds = [entry.kind for entry in entries]
        paid = -sum(entry.amount for entry in entries)
        if row.status == "open":
            assert (kinds, paid) == (["hold"], row.price)
        else:
            assert sorted(kinds) == sorted(["hold", "settle" if done else "refund"])
            assert paid == PRICE * done
            assert row.status == "done" if done else row.status in ("failed", "cancelled")
        held = [image for image in row.images if image.lease_until is not None]
        assert {image.index for image in held} == {i for mine, i in self.live if mine == row.id}


@pytest.fixture(params=[("sqlite_url", 25), ("postgresql_url", 4)], ids=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[tuple[Database, int]]:
    url, examples = request.param
    opened = Database(request.getfixturevalue(url))
    yield opened, examples
    opened.close()


@pytest.mark.timeout(300)
def test_each_order_ends_once_and_costs_what_was_delivered(store: tuple[Database, int]) -> None:
    database, examples = store
    run_state_machine_as_test(
        type("Here", (Life,), {"database": database}),
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
