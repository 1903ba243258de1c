"""Claims that end while the next picture is drawn."""

import time
from collections.abc import Sequence
from dataclasses import replace
from threading import Event, Timer
from typing import Any

import pytest

from engine.drawing.meeting import Drawing
from engine.drawing.picture import Picture
from engine.engine import Engine
from engine.judging.verdicts import Verdict
from store.errors import StoreUnavailable
from tests.worker.conftest import order, read
from worker.drawing import Parts, draw_waiting
from worker.endings import MOST, Endings
from worker.finishing import Finish


class Telling(Engine):
    """The real engine, which tells when a second picture is on its way."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.finished = 0
        self.may_go_on = Event()

    def step(self) -> Sequence[Drawing[Picture]]:
        if self.finished:
            self.may_go_on.set()
        ended = super().step()
        self.finished += len(ended)
        return ended


def test_the_next_picture_is_drawn_while_one_is_looked_at(parts: Parts) -> None:
    engine = Telling(device="cpu")
    overlapped: list[bool] = []

    def look(_png: bytes, _age_restricted: bool) -> Verdict:
        overlapped.append(engine.may_go_on.wait(30))
        return Verdict.DELIVER

    placed = [order(parts.database, width=width) for width in (64, 96)]
    assert draw_waiting(replace(parts, engine=engine, finish=Finish(look=look))) == 2
    assert overlapped == [True, True]
    assert [read(parts.database, one).status for one in placed] == ["done", "done"]
    assert parts.hand.empty


def test_endings_come_in_their_order_and_are_waited_for() -> None:
    came: list[int] = []
    with Endings() as endings:
        for number in range(3 * MOST):
            endings.add(lambda number=number: came.append(number))  # type: ignore[misc]
        assert endings.wait()
        assert not endings.wait()
    assert came == list(range(3 * MOST))


def test_no_more_than_some_lie_in_memory() -> None:
    held, may_end = Event(), Event()

    def slow() -> None:
        held.set()
        may_end.wait(30)

    with Endings() as endings:
        endings.add(slow)
        held.wait(30)
        for _ in range(MOST - 1):
            endings.add(lambda: None)
        started = time.monotonic()
        Timer(0.3, may_end.set).start()
        endings.add(lambda: None)
        assert time.monotonic() - started > 0.2


def away() -> None:
    raise StoreUnavailable


def test_a_database_that_stays_away_is_told_to_who_draws() -> None:
    with pytest.raises(StoreUnavailable), Endings() as endings:
        endings.add(away)


def test_what_the_block_raised_goes_first() -> None:
    def block() -> None:
        with Endings() as endings:
            endings.add(away)
            raise KeyError

    with pytest.raises(KeyError):
        block()
