"""Credits are never overspent, never lost and never given twice."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from store.database import Database
from store.money import ledger
from store.money.errors import CreditsSpent
from store.money.ledger import Flow
from store.money.plans import Plan
from tests.store.placing import NOON, PLAN

ME = Flow(5, 1)


def left(database: Database, flow: Flow = ME, plan: Plan = PLAN) -> int:
    with database.begin() as session:
        return ledger.balance(session, flow, plan, NOON).left


def test_the_first_look_grants_todays_credits_once(database: Database) -> None:
    assert [left(database), left(database)] == [10, 10]


def test_a_hold_takes_credits_and_a_refund_returns_all_of_them(database: Database) -> None:
    with database.begin() as session:
        assert ledger.hold(session, ME, PLAN, "order", 4, NOON).left == 6
    assert left(database) == 6
    with database.begin() as session:
        ledger.close(session, ME, "order", 0)
    assert left(database) == 10


def test_a_settled_hold_keeps_what_is_due_and_returns_the_rest(database: Database) -> None:
    with database.begin() as session:
        ledger.hold(session, ME, PLAN, "order", 4, NOON)
        ledger.close(session, ME, "order", 3)
    assert left(database) == 7


def test_a_hold_is_closed_once(database: Database) -> None:
    with database.begin() as session:
        ledger.hold(session, ME, PLAN, "order", 4, NOON)
        ledger.close(session, ME, "order", 0)
    with pytest.raises(IntegrityError), database.begin() as session:
        ledger.close(session, ME, "order", 0)
    assert left(database) == 10


def test_too_dear_an_order_says_what_is_left_and_changes_nothing(database: Database) -> None:
    with pytest.raises(CreditsSpent) as refused, database.begin() as session:
        ledger.hold(session, ME, PLAN, "order", 11, NOON)
    assert refused.value.params["left"] == 10
    assert refused.value.params["resets_at"] == int((NOON + timedelta(hours=12)).timestamp())
    assert left(database) == 10


def test_today_is_spent_before_gifts_and_gifts_come_back_first(database: Database) -> None:
    with database.begin() as session:
        ledger.grant(session, ME, 5, "welcome")
        after = ledger.hold(session, ME, PLAN, "order", 12, NOON)
        assert (after.today, after.kept) == (0, 3)
        ledger.close(session, ME, "order", 11)
        closed = ledger.balance(session, ME, PLAN, NOON)
    assert (closed.today, closed.kept) == (0, 4)


def test_a_gift_is_given_once(database: Database) -> None:
    with database.begin() as session:
        ledger.grant(session, ME, 5, "welcome")
    with pytest.raises(IntegrityError), database.begin() as session:
        ledger.grant(session, ME, 5, "welcome")
    assert left(database) == 15


def test_tomorrow_starts_afresh_and_a_late_refund_goes_to_yesterday(database: Database) -> None:
    tomorrow = NOON + timedelta(days=1)
    with database.begin() as session:
        ledger.hold(session, ME, PLAN, "order", 10, NOON)
        assert ledger.balance(session, ME, PLAN, tomorrow).left == 10
        ledger.close(session, ME, "order", 0)
        assert ledger.balance(session, ME, PLAN, tomorrow).left == 10


def test_members_and_servers_have_credits_of_their_own(database: Database) -> None:
    with database.begin() as session:
        ledger.hold(session, ME, PLAN, "order", 10, NOON)
    assert left(database, Flow(5, 2)) == left(database, Flow(6, 1)) == 10


def test_fifty_parallel_spenders_get_exactly_what_there_is(database: Database) -> None:
    plan = Plan(daily_credits=30)

    def spend(number: int) -> bool:
        try:
            with database.begin() as session:
                ledger.hold(session, ME, plan, f"order{number}", 1, NOON)
        except CreditsSpent:
            return False
        return True

    with ThreadPoolExecutor(10) as threads:
        assert sum(threads.map(spend, range(50))) == 30
    assert left(database, plan=plan) == 0


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    orders=st.lists(st.tuples(st.integers(1, 8), st.floats(0, 1)), max_size=8),
    gift=st.integers(0, 10),
    user=st.integers(100, 2**62),
)
def test_what_is_left_is_what_was_given_less_what_was_due(
    database: Database, orders: list[tuple[int, float]], gift: int, user: int
) -> None:
    flow, spent = Flow(9, user), 0
    with database.begin() as session:
        start = ledger.balance(session, flow, PLAN, NOON).left
        ledger.grant(session, flow, gift, f"gift{start}{gift}{orders}"[:64])
        for number, (price, share) in enumerate(orders):
            if price > start + gift - spent:
                continue
            due = round(price * share)
            ledger.hold(session, flow, PLAN, str(number), price, NOON)
            ledger.close(session, flow, str(number), due)
            spent += due
        assert ledger.balance(session, flow, PLAN, NOON).left == start + gift - spent
        session.rollback()
