"""Whatever members, admins and workers do in whatever order, credits and money add up."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.vendor.charge import Charge
from store.choices import servers
from store.choices.servers import Defaults
from store.database import Database
from store.errors import StoreRefused
from store.money import budgets, grants, ledger
from store.money.budgets import Attempt
from store.money.errors import CheckedIn, CheckinOff
from store.money.ledger import Flow
from store.money.plans import Plans, Rank, ServerDefaults, SlowLane, Standing
from store.orders import generations, placing
from store.tables.money import LedgerEntry, MoneyEntry
from store.tables.orders import Generation, Image
from tests.store.placing import NOON, order, request

CENT = 10_000
RANKS = (
    Rank(standings=frozenset({Standing.EVERYONE})),
    Rank(standings=frozenset({Standing.EVERYONE, Standing.BOOSTER})),
)
ESTIMATE = 3 * CENT


def defaults() -> Defaults:
    shipped = Plans.load()
    small = {"daily_credits": 5, "daily_micros": 7 * CENT, "concurrent": 3}
    free, supporter = shipped.named("free"), shipped.named("supporter")
    return Defaults(
        Plans(
            (
                replace(free, **small, confirm_above=10**6),  # type: ignore[arg-type]
                replace(supporter, daily_credits=9, concurrent=5, confirm_above=10**6),
            ),
            SlowLane(weight=0.1, most_pixels=64 * 64, most_count=1),
            ServerDefaults(
                slow_lane=True,
                checkin_credits=2,
                daily_micros=10 * CENT,
                most_daily_micros=100 * CENT,
            ),
        )
    )


class Machine(RuleBasedStateMachine):
    """One server of one database, in a transaction that is never committed."""

    database: Database
    users = st.integers(1, 2)
    orders: Bundle[str] = Bundle("orders")

    def __init__(self) -> None:
        super().__init__()
        self.door = self.database.begin()
        self.session: Session = self.door.__enter__()
        self.defaults = defaults()
        self.now, self.guild, self.gifts = NOON, 77, 0
        self.given = dict.fromkeys((1, 2), 0)

    def teardown(self) -> None:
        self.session.rollback()
        self.door.__exit__(None, None, None)

    def flow(self, user: int) -> Flow:
        return Flow(self.guild, user)

    @rule(
        target=orders,
        user=users,
        rank=st.sampled_from(RANKS),
        count=st.integers(1, 3),
        vendor=st.booleans(),
    )
    def place(self, user: int, rank: Rank, count: int, vendor: bool) -> str:
        server = servers.read(self.session, self.defaults, self.guild, self.now)
        plan = server.plan(rank)
        before = ledger.balance(self.session, self.flow(user), plan, server.now)
        wanted = order(
            count,
            user,
            guild_id=self.guild,
            estimate=ESTIMATE if vendor else 0,
            request=request(count),
        )
        try:
            with self.session.begin_nested():
                placed = placing.create(self.session, wanted, plan, server.now)
        except StoreRefused:
            after = ledger.balance(self.session, self.flow(user), plan, server.now)
            assert after == before
            return ""
        assert placed.balance.left == before.left - placed.price >= 0
        assert placed.slow == (placed.price == 0)
        assert not (placed.slow and vendor)
        return placed.id

    @rule(placed=orders, done=st.integers(0, 3), cents=st.integers(0, 6))
    def end(self, placed: str, done: int, cents: int) -> None:
        row = self.session.get(Generation, placed)
        if row is None or row.status != "open":
            return
        self.session.refresh(row, ["images"])
        for number, image in enumerate(row.images):
            if number < done:
                image.status = "done"
                if self._holds(placed):
                    charge = Charge("bfl", Decimal(cents), Decimal(cents) / 100)
                    budgets.charged(self.session, Attempt(placed, image.index, 1), charge)
            else:
                image.status = "cancelled"
        self.session.flush()
        assert generations.close_if_finished(self.session, row)

    def _holds(self, placed: str) -> bool:
        held = MoneyEntry.generation_id == placed
        return bool(self.session.scalar(select(func.count()).where(held)))

    @rule(user=users, credits=st.integers(1, 5), again=st.booleans())
    def give(self, user: int, credits: int, again: bool) -> None:
        self.gifts += 1
        for _ in range(2 if again else 1):
            grants.give(self.session, self.flow(user), credits, by=9, gift_id=self.gifts)
        self.given[user] += credits

    @rule(user=users)
    def check_in(self, user: int) -> None:
        try:
            credits, _ = grants.check_in(
                self.session, self.defaults, self.flow(user), RANKS[0], self.now
            )
        except (CheckedIn, CheckinOff):
            return
        self.given[user] += credits

    @rule(hours=st.integers(1, 30))
    def wait(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(zone=st.sampled_from(["UTC", "Asia/Shanghai", "America/New_York", "Pacific/Apia"]))
    def move(self, zone: str) -> None:
        servers.set_zone(self.session, self.defaults, self.guild, self.now, zone)

    @rule(cents=st.integers(0, 20))
    def set_budget(self, cents: int) -> None:
        servers.set_budget(self.session, self.defaults, self.guild, self.now, cents * CENT)

    @rule(credits=st.integers(0, 12), plan=st.sampled_from(["free", "supporter"]))
    def set_credits(self, credits: int, plan: str) -> None:
        servers.set_number(
            self.session, self.defaults, self.guild, self.now, plan, "daily_credits", credits
        )

    @rule(on=st.booleans())
    def set_slow_lane(self, on: bool) -> None:
        servers.set_slow_lane(self.session, self.defaults, self.guild, self.now, on)

    @invariant()
    def no_purse_is_below_zero(self) -> None:
        sums = select(func.sum(LedgerEntry.amount)).where(LedgerEntry.guild_id == self.guild)
        by_purse = sums.group_by(LedgerEntry.user_id, LedgerEntry.purse)
        assert all(total >= 0 for total in self.session.scalars(by_purse))

    @invariant()
    def what_is_kept_was_given(self) -> None:
        for user, given in self.given.items():
            entries = select(func.sum(LedgerEntry.amount)).where(
                LedgerEntry.guild_id == self.guild,
                LedgerEntry.user_id == user,
                LedgerEntry.kind == "grant",
                LedgerEntry.purse == ledger.KEPT,
            )
            assert (self.session.scalar(entries) or 0) == given

    @invariant()
    def a_day_gives_no_more_than_the_best_plan(self) -> None:
        grants_of = select(func.sum(LedgerEntry.amount)).where(
            LedgerEntry.guild_id == self.guild,
            LedgerEntry.kind == "grant",
            LedgerEntry.purse != ledger.KEPT,
        )
        by_day = grants_of.group_by(LedgerEntry.user_id, LedgerEntry.purse)
        assert all(total <= 12 for total in self.session.scalars(by_day))

    @invariant()
    def ended_orders_hold_nothing(self) -> None:
        for row in self.session.scalars(select(Generation).where(Generation.status != "open")):
            done = select(func.count()).where(Image.generation_id == row.id, Image.status == "done")
            count = select(func.count()).where(Image.generation_id == row.id)
            due = row.price // (self.session.scalar(count) or 1) * (self.session.scalar(done) or 0)
            paid = select(func.sum(LedgerEntry.amount)).where(LedgerEntry.reference == row.id)
            assert -(self.session.scalar(paid) or 0) == due
            held = select(func.sum(MoneyEntry.micros)).where(
                MoneyEntry.generation_id == row.id, MoneyEntry.kind.in_(("hold", "release"))
            )
            assert (self.session.scalar(held) or 0) == 0


@pytest.fixture(params=["sqlite_url", "postgresql_url"])
def store(request: pytest.FixtureRequest) -> Iterator[Database]:
    opened = Database(request.getfixturevalue(request.param))
    yield opened
    opened.close()


def test_credits_and_money_add_up(store: Database) -> None:
    machine = type("Here", (Machine,), {"database": store})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
