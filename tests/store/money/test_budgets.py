"""A server's money is never promised twice; what vendors take is written exactly once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select, update

from engine.errors import EngineFailed
from engine.vendor.charge import Charge
from store.choices import servers
from store.database import Database
from store.line import claims
from store.money import budgets
from store.money.budgets import Attempt, Budget
from store.money.errors import (
    AllowanceSpent,
    BudgetSpent,
    HostBudgetSpent,
    MoneyRanOut,
    PlanForbidsVariant,
)
from store.money.ledger import Flow
from store.money.plans import Plan
from store.orders import generations, placing
from store.tables.money import MoneyEntry
from tests.store import ends
from tests.store.placing import NOON, kept, order

ME, CENT = Flow(5, 1), 10_000
PLAN = Plan(daily_credits=100, daily_micros=10 * CENT, server_micros=20 * CENT)


def place(database: Database, count: int = 1, plan: Plan = PLAN, **changes: Any) -> str:
    with database.begin() as session:
        wanted = order(count, estimate=3 * CENT, **changes)
        return placing.create(session, wanted, plan, NOON).id


def money(database: Database, flow: Flow = ME, plan: Plan = PLAN) -> Budget:
    with database.begin() as session:
        return budgets.budget(session, flow, plan, NOON)


def claim(database: Database) -> claims.Claim:
    with database.begin() as session:
        taken = claims.claim(session, "w", ["starter"])
    assert taken
    return taken


def attempt(claimed: claims.Claim) -> Attempt:
    return Attempt(claimed.generation_id, claimed.index, claimed.fence)


def charge(database: Database, claimed: claims.Claim, cents: str, **kind: Any) -> None:
    with database.begin() as session:
        taken = Charge("bfl", Decimal(cents), Decimal(cents) / 100, **kind)
        budgets.charged(session, attempt(claimed), taken)


def keep(database: Database, claimed: claims.Claim) -> None:
    with database.begin() as session:
        ends.keep(session, claimed, kept(claimed.request))


def check(database: Database, claimed: claims.Claim) -> None:
    with database.begin() as session:
        budgets.check(session, attempt(claimed), "starter")


def test_an_order_holds_its_estimate_of_both_budgets(database: Database) -> None:
    place(database, 2)
    assert money(database) == Budget(14 * CENT, 20 * CENT, 4 * CENT, 10 * CENT)
    assert money(database, Flow(5, 2)).spendable == 10 * CENT
    assert money(database, Flow(6, 1)).left == 20 * CENT


def test_the_members_share_and_the_servers_budget_are_refused_apart(database: Database) -> None:
    place(database, 3)
    with pytest.raises(AllowanceSpent) as own:
        place(database)
    assert {**own.value.params, "resets_at": 0} == {
        "price": "0.03",
        "left": "0.01",
        "plan": "free",
        "resets_at": 0,
    }
    place(database, 3, user_id=2)
    with pytest.raises(BudgetSpent) as all_of_it:
        place(database, user_id=3)
    assert all_of_it.value.params["left"] == "0.02"
    with pytest.raises(PlanForbidsVariant):
        place(database, plan=replace(PLAN, daily_micros=0))


def test_a_refusal_takes_neither_credits_nor_money(database: Database) -> None:
    with pytest.raises(AllowanceSpent):
        place(database, 4)
    assert money(database).left == 20 * CENT
    with database.begin() as session:
        assert session.scalar(select(func.count()).select_from(MoneyEntry)) == 0


def test_thirty_members_at_once_share_what_there_is(database: Database) -> None:
    def attempt_of(user: int) -> bool:
        try:
            place(database, user_id=user)
        except BudgetSpent:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(attempt_of, range(1, 31))) == 6
    assert money(database).left == 2 * CENT


def test_the_charge_takes_the_estimates_place(database: Database) -> None:
    place(database, 2)
    first = claim(database)
    charge(database, first, "3.5")
    assert money(database).left == 20 * CENT - 35_000 - 3 * CENT
    charge(database, first, "3.5")  # heard of again
    keep(database, first)
    assert money(database).left == 20 * CENT - 35_000 - 3 * CENT


def test_the_last_word_of_the_vendor_counts(database: Database) -> None:
    place(database)
    taken = claim(database)
    charge(database, taken, "3", is_estimate=True)
    charge(database, taken, "2.5")
    keep(database, taken)
    assert money(database).left == 20 * CENT - 25_000


def test_what_the_vendor_did_not_charge_comes_back(database: Database) -> None:
    place(database)
    taken = claim(database)
    charge(database, taken, "3")
    charge(database, taken, "0")
    with database.begin() as session:
        ends.fail(session, taken, EngineFailed())
    assert money(database).left == 20 * CENT


def test_an_order_that_ends_without_a_charge_gives_its_hold_back(database: Database) -> None:
    placed = place(database, 3)
    with database.begin() as session:
        generations.cancel(session, placed, 1, moderator=False)
    assert money(database).left == 20 * CENT


def test_every_attempt_is_charged_but_the_hold_comes_back_once(database: Database) -> None:
    place(database)
    first = claim(database)
    charge(database, first, "3")
    with database.begin() as session:
        ends.release(session, first)  # the same attempt begins anew
    second = claim(database)
    assert second.attempt == first.attempt
    charge(database, second, "3")
    keep(database, second)
    assert money(database).left == 14 * CENT


def test_two_that_write_a_charge_and_an_end_at_once_write_it_once(database: Database) -> None:
    placed = place(database)
    taken = claim(database)

    def write(number: int) -> None:
        if number % 2:
            charge(database, taken, "3")
        else:
            with database.begin() as session:
                budgets.release(session, placed)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(write, range(12)))
    assert money(database).left == 17 * CENT


def test_a_budget_that_is_gone_in_mid_order_stops_what_is_left(database: Database) -> None:
    plan = replace(PLAN, server_micros=9 * CENT)
    place(database, 3, plan)
    first = claim(database)
    check(database, first)
    charge(database, first, "3")
    keep(database, first)
    second = claim(database)
    check(database, second)  # its estimate is held
    charge(database, second, "3.1")  # dearer than held: the third cannot be paid any more
    keep(database, second)
    with pytest.raises(MoneyRanOut):
        check(database, claim(database))


def test_a_budget_that_is_lowered_stops_orders_that_wait(database: Database) -> None:
    place(database, 2)
    taken = claim(database)
    with database.begin() as session:
        servers.lock(session, 5)
        budgets.fund(session, 5, 5 * CENT, NOON)
    with pytest.raises(MoneyRanOut):
        check(database, taken)
    with database.begin() as session:
        servers.lock(session, 5)
        budgets.fund(session, 5, 6 * CENT, NOON)
    check(database, taken)


def test_an_attempt_that_is_repeated_pays_from_what_is_left(database: Database) -> None:
    plan = replace(PLAN, server_micros=5 * CENT)
    place(database, plan=plan)
    first = claim(database)
    charge(database, first, "3")
    with database.begin() as session:
        ends.release(session, first)
    with pytest.raises(MoneyRanOut):
        check(database, claim(database))


def test_an_order_from_before_budgets_is_drawn_and_its_charge_is_written(
    database: Database,
) -> None:
    with database.begin() as session:
        placing.create(session, order(), PLAN, NOON)
    taken = claim(database)
    check(database, taken)
    charge(database, taken, "3")
    with database.begin() as session:
        assert session.scalar(select(func.sum(MoneyEntry.micros))) == -3 * CENT


def test_tomorrow_has_a_budget_of_its_own(database: Database) -> None:
    place(database, 3)
    with database.begin() as session:
        tomorrow = budgets.budget(session, ME, PLAN, NOON + timedelta(days=1))
    assert tomorrow.spendable == 10 * CENT


def test_all_servers_together_are_bounded_however_many_there_are(database: Database) -> None:
    plan = replace(PLAN, host_micros=10 * CENT)

    def attempt_in(guild: int) -> bool:
        try:
            place(database, guild_id=guild, user_id=guild, plan=plan)
        except HostBudgetSpent:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(attempt_in, range(1, 21))) == 3
    assert money(database, Flow(30, 30), plan).spendable == CENT
    with database.begin() as session:
        before = MoneyEntry.created_at - 24 * 3_600_000 - 1
        session.execute(update(MoneyEntry).values(created_at=before))
    place(database, guild_id=30, user_id=30, plan=plan)
