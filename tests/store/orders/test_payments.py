"""An order passes its member's plan and pays in one transaction, or nothing happened."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from engine.errors import RerollError
from engine.request import GenerationRequest
from store.database import Database
from store.line import claims
from store.money import ledger
from store.money.errors import (
    ConfirmationNeeded,
    CreditsSpent,
    PlanForbidsCount,
    PlanForbidsSize,
    PlanForbidsVariant,
    SlowLaneBusy,
    SlowLaneTooSmall,
    TooManyOrders,
)
from store.money.ledger import Flow
from store.money.plans import Plan, SlowLane
from store.orders import generations, placing
from store.orders.placing import Placed
from store.tables.orders import Generation
from tests.store import ends
from tests.store.placing import NOON, kept, order, request

ME = Flow(5, 1)
LANE = SlowLane(weight=0.1, most_pixels=64 * 64, most_count=1)
PLAN = Plan(daily_credits=10, weight=2.0, slow_lane=LANE)


def place(database: Database, plan: Plan = PLAN, count: int = 1, **changes: Any) -> Placed:
    with database.begin() as session:
        return placing.create(session, order(count, **changes), plan, NOON)


def rows(database: Database) -> list[Generation]:
    with database.begin() as session:
        return list(session.scalars(select(Generation).order_by(Generation.created_at)))


def left(database: Database, plan: Plan = PLAN) -> int:
    with database.begin() as session:
        return ledger.balance(session, ME, plan, NOON).left


def draw(database: Database) -> None:
    with database.begin() as session:
        taken = claims.claim(session, "w", ["starter"])
        assert taken
        ends.keep(session, taken, kept(taken.request))


def wide() -> GenerationRequest:
    return replace(request(), width=80)


def test_the_order_keeps_its_plan_and_its_weight(database: Database) -> None:
    place(database, replace(PLAN, name="supporter"))
    (row,) = rows(database)
    assert (row.plan, row.weight, row.slow, row.price) == ("supporter", 2.0, False, 1)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"variants": ("qwen-*",)}, PlanForbidsVariant),
        ({"most_pixels": 1024}, PlanForbidsSize),
        ({"most_count": 1}, PlanForbidsCount),
        ({"concurrent": 0}, TooManyOrders),
        ({"confirm_above": 1}, ConfirmationNeeded),
    ],
)
def test_a_limit_of_the_plan_costs_nothing_and_leaves_nothing(
    database: Database, changes: dict[str, Any], error: type[RerollError]
) -> None:
    with pytest.raises(error):
        place(database, replace(PLAN, **changes), 2)
    assert rows(database) == []
    assert left(database) == 10


def test_only_open_orders_count_as_orders_at_once(database: Database) -> None:
    plan = replace(PLAN, concurrent=2)
    first = place(database, plan)
    place(database, plan)
    with pytest.raises(TooManyOrders):
        place(database, plan)
    place(database, plan, user_id=2)
    draw(database)
    with database.begin() as session:
        generations.cancel(session, first.id, 1, moderator=False)
    place(database, plan)


def test_twenty_orders_at_once_pass_a_limit_of_three(database: Database) -> None:
    plan = replace(PLAN, daily_credits=100, concurrent=3)

    def attempt(_: int) -> bool:
        try:
            place(database, plan)
        except TooManyOrders:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(attempt, range(20))) == 3
    assert left(database, plan) == 97


def test_a_dear_order_is_asked_about_with_what_would_be_left(database: Database) -> None:
    plan = replace(PLAN, confirm_above=3)
    assert place(database, plan, 3).price == 3
    with pytest.raises(ConfirmationNeeded) as asked:
        place(database, plan, 4)
    assert asked.value.params == {"price": 4, "left": 3}
    assert place(database, plan, 4, confirmed=True).balance.left == 3


def test_without_credits_the_slow_lane_takes_the_order_for_nothing(database: Database) -> None:
    place(database, PLAN, 10)
    placed = place(database, PLAN)
    assert (placed.slow, placed.price, placed.balance.left) == (True, 0, 0)
    slow = rows(database)[-1]
    assert (slow.slow, slow.price, slow.weight) == (True, 0, 0.1)


def test_what_the_slow_lane_draws_or_loses_is_neither_paid_nor_refunded(
    database: Database,
) -> None:
    place(database, PLAN, 10)
    for _ in range(10):
        draw(database)
    slow = place(database, PLAN)
    draw(database)
    lost = place(database, PLAN)
    with database.begin() as session:
        generations.cancel(session, lost.id, 1, moderator=False)
    assert [row.status for row in rows(database)] == ["done", "done", "cancelled"]
    assert slow.slow
    assert left(database) == 0


def test_the_slow_lane_takes_one_small_order_at_a_time(database: Database) -> None:
    place(database, PLAN, 9)
    with pytest.raises(SlowLaneTooSmall) as refused:
        place(database, PLAN, 2)
    assert (refused.value.params["left"], refused.value.params["side"]) == (1, 64)
    with pytest.raises(SlowLaneTooSmall):
        place(database, PLAN, request=wide(), price=2)
    place(database, PLAN)
    place(database, PLAN)
    with pytest.raises(SlowLaneBusy):
        place(database, PLAN)


def test_ten_orders_at_once_find_one_place_in_the_slow_lane(database: Database) -> None:
    plan = replace(PLAN, daily_credits=0)

    def attempt(_: int) -> bool:
        try:
            return place(database, plan).slow
        except SlowLaneBusy:
            return False

    with ThreadPoolExecutor(5) as threads:
        assert sum(threads.map(attempt, range(10))) == 1


def test_a_slow_order_counts_as_an_order_at_once(database: Database) -> None:
    plan = replace(PLAN, daily_credits=1, concurrent=2)
    place(database, plan)
    place(database, plan)
    with pytest.raises(TooManyOrders):
        place(database, plan)


def test_where_there_is_no_slow_lane_credits_are_spent(database: Database) -> None:
    with pytest.raises(CreditsSpent):
        place(database, replace(PLAN, slow_lane=None), 11)


def test_money_is_never_spent_in_the_slow_lane(database: Database) -> None:
    rich = replace(PLAN, daily_credits=0, daily_micros=10**6, server_micros=10**6)
    with pytest.raises(CreditsSpent):
        place(database, rich, estimate=1)


def test_a_better_plan_adds_what_is_missing_and_a_worse_one_takes_nothing(
    database: Database,
) -> None:
    better = replace(PLAN, name="supporter", daily_credits=15)
    assert place(database, PLAN, 4).balance.left == 6
    assert place(database, better, 1).balance.left == 10
    assert place(database, PLAN, 1).balance.left == 9
    assert place(database, better, 1).balance.left == 8
    assert left(database, PLAN) == left(database, better) == 8
