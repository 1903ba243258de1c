"""An order's place and time are those at which the fair share would draw it."""

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from store.database import Database
from store.host import controls, workers
from store.host.controls import Flow
from store.line import paces
from store.line.fairness import Head
from store.line.forecast import Line, Scene, Seat, Wait, forecast
from store.line.paces import Paces, averaged, effort
from store.line.waiting import estimate
from store.tables.orders import Image
from tests.store.line.test_fair_claims import VARIANTS, draw, place, take
from tests.store.placing import request

BOTH = frozenset({"x", "y"})


def line(
    lane_id: int, count: int = 1, seconds: float = 10.0, variant: str = "x", vtime: float = 0.0
) -> Line:
    return Line(Head(lane_id, 5, lane_id, variant, vtime, lane_id), 1.0, count, seconds)


def scene(mine: Line, *others: Line, seats: int = 1, earlier: int = 0) -> Scene:
    free = [Seat(0.0, "x", -1.0, BOTH)] * seats
    return Scene(mine=mine, others=others, seats=free, earlier=earlier, loading={"y": 12.0})


def test_a_lone_order_is_first_and_takes_its_own_time() -> None:
    assert forecast(scene(line(1, 2))) == Wait(0, 20.0)


def test_of_a_long_order_before_one_picture_is_waited_for() -> None:
    assert forecast(scene(line(2), line(1, 100))) == Wait(1, 20.0)


def test_the_members_own_earlier_orders_come_first() -> None:
    assert forecast(scene(line(1, 3), earlier=2)) == Wait(2, 30.0)


def test_two_workers_halve_the_wait() -> None:
    assert forecast(scene(line(3), line(1), line(2), seats=2)) == Wait(2, 20.0)


def test_a_variant_that_must_be_loaded_takes_that_longer() -> None:
    assert forecast(scene(line(1, variant="y"))) == Wait(0, 22.0)


def test_without_a_worker_there_is_a_place_and_no_time() -> None:
    assert forecast(scene(line(2), line(1), seats=0)) == Wait(1, None)


@given(
    counts=st.lists(st.integers(1, 400), min_size=1, max_size=8),
    seats=st.integers(1, 3),
    weight=st.sampled_from([0.1, 1.0, 2.0]),
)
def test_every_line_has_an_end(counts: list[int], seats: int, weight: float) -> None:
    mine, *others = [line(number + 1, count) for number, count in enumerate(counts)]
    wait = forecast(scene(replace(mine, weight=weight), *others, seats=seats))
    assert wait.seconds is not None
    assert mine.count * 10.0 / seats - 1e-6 <= wait.seconds <= sum(counts) * 10.0 + 1e-6
    assert 0 <= wait.place < sum(counts)


def test_an_average_follows_a_change_and_shrugs_at_an_outlier() -> None:
    mean = 5.0
    for count in range(20):
        mean = averaged(mean, count, 5.0)
    assert averaged(mean, 20, 500.0) < 6.01
    for count in range(20, 60):
        mean = averaged(mean, count, 50.0)
    assert 35 < mean < 50


def test_efforts_in_between_are_scaled() -> None:
    known = Paces({40: 8.0})
    assert known.seconds(44) == 16.0
    assert known.seconds(36) == 4.0
    assert Paces({}).seconds(40) is None
    twice = replace(request(), steps=request().steps * 2).image(0)
    assert effort(twice) == effort(request().image(0)) + 4


def test_what_was_drawn_tells_how_long_the_next_order_takes(database: Database) -> None:
    with database.begin() as session:
        workers.report(session, "w", VARIANTS)
    first = place(database, 1, 3)
    with database.begin() as session:
        assert estimate(session, first) == Wait(0, None)
    for _ in range(3):
        draw(database, take(database), 4.0)
    place(database, 1, 5)
    second = place(database, 2, 2)
    with database.begin() as session:
        assert estimate(session, second) == Wait(1, 16.0)
        # As where its rows are written over the end of a millisecond.
        late = update(Image).where(Image.generation_id == second, Image.index == 1)
        session.execute(late.values(created_at=Image.created_at + 1))
        assert estimate(session, second) == Wait(1, 16.0)
        controls.set_flow(session, Flow.PAUSED, by=1)
        assert estimate(session, second) == Wait(1, None)
        controls.set_flow(session, Flow.RUNNING, by=1)
        workers.leave(session, "w", VARIANTS)
        assert estimate(session, second) == Wait(1, None)


def test_nonsense_is_not_learned(database: Database) -> None:
    with database.begin() as session:
        for seconds in (math.nan, math.inf, -1.0, 0.0):
            paces.learn(session, "x", "cpu", 40, seconds)
        paces.learn(session, "x", "cpu", None, 3.0)
        assert paces.expected(session, ["x"])["x"].known == {}
        paces.learn(session, "x", "cpu", 40, 3.0)
        paces.learn(session, "x", "gpu", 40, 1.0)
        assert paces.expected(session, ["x"])["x"].known == {40: 2.0}
