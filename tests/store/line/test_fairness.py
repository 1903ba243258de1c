"""Whose turn it is: the least virtual time, what is loaded first within bounds, nobody for ever."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.line.fairness import Bounds, Head, Residency, lifted, pick, together, virtual

NOW = 1_000_000_000
BOUNDS = Bounds.of(10.0)


def head(lane_id: int, variant: str = "x", vtime: float = 0.0, **changes: int | None) -> Head:
    return replace(Head(lane_id, 5, lane_id, variant, vtime, NOW - 1000), **changes)  # type: ignore[arg-type]


def loaded(*names: str, for_s: float = 0.0) -> Residency:
    return Residency(frozenset(names), for_s, 10.0)


def test_the_least_virtual_time_is_next_and_ties_go_to_who_waits_longest() -> None:
    late, early = head(1, vtime=3.0), head(2, vtime=3.0, head_at=NOW - 2000)
    assert pick([head(3, vtime=4.0), late, early], Residency(), NOW) == early


def test_what_is_loaded_goes_first_while_nobody_else_is_far_behind() -> None:
    here, there = head(1, "x", vtime=BOUNDS.ahead_s), head(2, "y")
    assert pick([here, there], loaded("x"), NOW) == here
    assert pick([replace(here, vtime=BOUNDS.ahead_s + 1), there], loaded("x"), NOW) == there


def test_what_is_loaded_long_enough_gives_way() -> None:
    heads = [head(1, "x", vtime=1.0), head(2, "y")]
    assert pick(heads, loaded("x", for_s=BOUNDS.stay_s - 1), NOW).variant == "x"
    assert pick(heads, loaded("x", for_s=BOUNDS.stay_s), NOW).variant == "y"


def test_a_newcomer_is_fetched_when_it_has_waited_for_the_bound() -> None:
    def wait(seconds: float) -> str:
        fresh = head(2, "y", fresh_at=NOW - int(seconds * 1000))
        here = head(1, "x", vtime=0.0, head_at=0)
        return pick([here, fresh], loaded("x", for_s=BOUNDS.rest_s), NOW).variant

    assert wait(BOUNDS.wait_s - 1) == "x"
    assert wait(BOUNDS.wait_s + 1) == "y"


BRINGING = Bounds.of(2.0)


def at_hand(*names: str, for_s: float = 0.0, bring_s: float = 2.0) -> Residency:
    """Return a worker with one variant, and LoRAs."""
    there = frozenset(names)
    return replace(loaded("x"), loras=there, none_brought_for_s=for_s, bring_s=bring_s)


def wants(lane_id: int, *names: str, vtime: float = 0.0, **changes: int | None) -> Head:
    return replace(head(lane_id, vtime=vtime, **changes), loras=frozenset(names))


def test_loras_at_hand_go_first_while_nobody_else_is_far_behind() -> None:
    away = wants(1, "a", "b")
    for near in (wants(2, "a", vtime=BRINGING.ahead_s), wants(2, vtime=BRINGING.ahead_s)):
        assert pick([away, near], at_hand("a"), NOW) == near
        assert pick([away, replace(near, vtime=BRINGING.ahead_s + 1)], at_hand("a"), NOW) == away
        assert pick([away, near], at_hand("a", for_s=BRINGING.stay_s), NOW) == away
        assert pick([away, near], at_hand("a", "b"), NOW) == away


def test_a_newcomer_waits_for_no_lora_beyond_the_bound() -> None:
    def wait(seconds: float) -> Head:
        fresh = wants(1, "a", fresh_at=NOW - int(seconds * 1000))
        return pick([fresh, wants(2, vtime=1.0)], at_hand(), NOW)

    assert wait(BRINGING.wait_s - 1).lane_id == 2
    assert wait(BRINGING.wait_s + 1).lane_id == 1


def test_for_a_lora_at_hand_no_variant_is_loaded() -> None:
    heads = [wants(1, "a"), replace(wants(2, vtime=1.0), variant="y")]
    assert pick(heads, at_hand(), NOW).lane_id == 1


def test_a_lora_that_took_long_is_not_waited_for_longer_than_a_variant() -> None:
    far = BOUNDS.ahead_s + 1
    assert pick([wants(1, "a"), wants(2, vtime=far)], at_hand(bring_s=900), NOW).lane_id == 1


def test_newcomers_do_not_make_a_worker_load_all_the_time() -> None:
    overdue = head(2, "y", fresh_at=0)
    assert pick([head(1, "x"), overdue], loaded("x", for_s=BOUNDS.rest_s - 1), NOW).variant == "x"


def test_a_clock_that_goes_back_delays_a_newcomer_and_breaks_nothing() -> None:
    future = head(2, "y", fresh_at=NOW + 3600_000, head_at=NOW + 3600_000)
    assert pick([head(1, "x"), future], loaded("x", for_s=BOUNDS.rest_s), NOW).variant == "x"
    assert pick([head(1, "x"), future], loaded("x", for_s=BOUNDS.stay_s), NOW).lane_id == 1


@given(
    heads=st.lists(
        st.builds(
            Head,
            lane_id=st.integers(1, 99),
            guild_id=st.just(5),
            user_id=st.integers(1, 9),
            variant=st.sampled_from("xyz"),
            vtime=st.floats(0, 1e6),
            head_at=st.integers(0, 2 * NOW),
            fresh_at=st.none() | st.integers(0, 2 * NOW),
            loras=st.frozensets(st.sampled_from("abc"), max_size=2),
        ),
        min_size=1,
        max_size=9,
    ),
    residency=st.builds(
        Residency,
        loaded=st.frozensets(st.sampled_from("xyz")),
        for_s=st.floats(0, 1e6),
        switch_s=st.floats(0, 600),
        loras=st.frozensets(st.sampled_from("abc")),
        none_brought_for_s=st.floats(0, 1e6),
        bring_s=st.floats(0, 600),
    ),
)
def test_nobody_is_ever_passed_over_for_somebody_further_ahead_than_the_bound(
    heads: list[Head], residency: Residency
) -> None:
    chosen = pick(heads, residency, NOW)
    least = min(each.vtime for each in heads)
    assert chosen in heads
    assert chosen.vtime <= least + Bounds.of(residency.switch_s).ahead_s
    with_all_at_hand = pick(heads, replace(residency, loras=frozenset("abc")), NOW)
    assert chosen.variant == with_all_at_hand.variant
    bring_s = min(residency.bring_s, residency.switch_s)
    assert chosen.vtime <= with_all_at_hand.vtime + Bounds.of(bring_s).ahead_s


@given(
    seconds=st.lists(st.floats(0.1, 30), min_size=60, max_size=60),
    weights=st.lists(st.sampled_from([0.1, 1.0, 2.0]), min_size=2, max_size=4),
)
def test_what_busy_flows_get_differs_by_two_pictures_at_the_most(
    seconds: list[float], weights: list[float]
) -> None:
    heads = [head(lane, vtime=0.0) for lane in range(len(weights))]
    served = [0.0] * len(weights)
    for each in seconds:
        lane = pick(heads, loaded("x"), NOW).lane_id
        served[lane] += virtual(each, weights[lane])
        heads[lane] = replace(heads[lane], vtime=served[lane])
        longest = max(virtual(30, weight) for weight in weights)
        assert max(served) - min(served) <= 2 * longest


@given(own=st.floats(0, 1e6), charged=st.floats(0, 1e3), level=st.floats(0, 1e6))
def test_a_waking_flow_stands_with_the_others_and_never_goes_back(
    own: float, charged: float, level: float
) -> None:
    settled = lifted(own, charged, level)
    assert settled >= own
    assert settled + charged >= level or math.isclose(settled + charged, level)


@pytest.mark.parametrize(
    ("seconds", "weight", "cost"),
    [(3.0, 2.0, 1.5), (-5.0, 1.0, 0.0), (math.nan, 1.0, 0.0), (math.inf, 1.0, 0.0), (1e9, 1, 3600)],
)
def test_a_worker_that_lies_about_its_time_moves_a_flow_by_sane_amounts(
    seconds: float, weight: float, cost: float
) -> None:
    assert virtual(seconds, weight) == cost
    assert virtual(3.0, 0.0) == virtual(3.0, -1.0) == 300.0


def test_variants_compete_where_they_share_a_worker() -> None:
    assert together("x", [["x", "y"], ["z"], ["y", "w"]]) == {"x", "y"}
    assert together("v", []) == {"v"}
