"""The best plan counts, its limits are told by name, and money is whole millionths."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.errors import StoreRefused
from store.money.errors import PlanForbidsCount, PlanForbidsSize, PlanForbidsVariant
from store.money.plans import MICROS, Plan, Plans, Standing, dollars, micros
from tests.store.placing import request

PLANS = Plans.load()
STANDINGS = st.frozensets(st.sampled_from(Standing))


def test_the_shipped_plans_are_read_and_grow() -> None:
    assert PLANS.names == ("free", "supporter", "moderator", "owner")
    assert PLANS.least.standing is Standing.EVERYONE
    assert PLANS.slow_lane is not None
    assert PLANS.slow_lane.weight < min(plan.weight for plan in PLANS.plans)
    assert all(plan.concurrent > 0 and plan.daily_credits > 0 for plan in PLANS.plans)
    assert PLANS.server.daily_micros <= PLANS.server.most_daily_micros
    assert PLANS.host_micros == 20 * MICROS


@given(named=st.frozensets(st.sampled_from([*PLANS.names, "gone"])), standings=STANDINGS)
def test_of_all_plans_the_last_in_the_file_counts(
    named: frozenset[str], standings: frozenset[Standing]
) -> None:
    best = PLANS.best(named, standings)
    mine = [one for one in PLANS.plans if one.name in named or one.standing in standings]
    assert best == (mine[-1] if mine else PLANS.least)


def test_a_plan_that_is_gone_is_the_least() -> None:
    assert PLANS.named("of the past") == PLANS.least


@pytest.mark.parametrize(
    ("changes", "error", "params"),
    [
        ({"variants": ("qwen-*",)}, PlanForbidsVariant, {"variant": "starter"}),
        ({"most_pixels": 64 * 63}, PlanForbidsSize, {"width": 64, "height": 64, "side": 63}),
        ({"most_count": 1}, PlanForbidsCount, {"value": 2, "limit": 1}),
    ],
)
def test_what_a_plan_does_not_hold_is_named(
    changes: dict[str, object], error: type[StoreRefused], params: dict[str, object]
) -> None:
    plan = replace(Plan(daily_credits=10), **changes)  # type: ignore[arg-type]
    with pytest.raises(error) as refused:
        plan.check(request(2))
    assert {**refused.value.params} == {**params, "plan": "free"}


def test_a_plan_holds_what_is_just_within_it() -> None:
    Plan(daily_credits=1, variants=("start*",), most_pixels=4096, most_count=2).check(request(2))


def test_a_plan_without_money_has_no_vendors_variants() -> None:
    plan = Plan(daily_credits=1)
    plan.check(request())
    with pytest.raises(PlanForbidsVariant):
        plan.check(request(), costs_money=True)
    replace(plan, daily_micros=1).check(request(), costs_money=True)


@given(st.decimals(0, 1000, places=9))
def test_money_is_never_rounded_in_the_members_favour(usd: Decimal) -> None:
    assert 0 <= Decimal(micros(usd)) / MICROS - usd < Decimal("0.000001")


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(0, "0.00"), (100_000, "0.10"), (14_000, "0.014"), (10_000_000, "10.00"), (1, "0.000001")],
)
def test_dollars_are_shown_in_cents_where_that_is_exact(amount: int, shown: str) -> None:
    assert dollars(amount) == shown


@pytest.mark.parametrize(
    "text",
    [
        "[plans.free]\ndaily_credit = 1",
        "[plans.free]\ndaily_credits = 1\nstanding = 'friend'",
        "[server]\ndaily_usd = 1",
        "[plans.free]\ndaily_credits = 1\n[host]\nmost_usd = 1",
        "[plans.free]\ndaily_credits = 1\n[server]\ndaily_dollars = 1",
    ],
)
def test_a_file_of_another_form_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "plans.toml").write_text(text)
    with pytest.raises((KeyError, TypeError, ValueError)):
        Plans.load(tmp_path / "plans.toml")
