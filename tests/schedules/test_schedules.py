"""A few starter pictures in random schedules; `python -m tests.schedules` draws for longer."""

import random

from tests.schedules.__main__ import Studio


def test_starter_pictures_side_by_side_are_those_that_each_is_alone() -> None:
    alike = Studio(random.Random(0)).round()
    assert len(alike) >= 3
    assert all(alike.values())
