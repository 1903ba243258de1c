"""A short storm of the kind that `python -m tests.chaos` makes long: nothing is lost or doubled."""

from pathlib import Path

import pytest

from tests.chaos.storm import Plan, storm


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("database", "seed"), [("sqlite", 11), ("postgresql", 12)])
async def test_whatever_is_killed_each_order_ends_as_one_result_or_one_refund(
    tmp_path: Path, database: str, seed: int, request: pytest.FixtureRequest
) -> None:
    programs = None
    if database == "postgresql":
        programs = request.getfixturevalue("postgresql_programs")
    plan = Plan(seed=seed, orders=40, members=20, programs=programs, pause=2.0)
    said: list[str] = []
    report = await storm(plan, tmp_path / "storm", said.append)
    told = "\n".join([f"seed {seed}", *said, *report.crashes, *report.accounts.wrong()])
    assert report.accounts.clean, told
    assert report.accounts.orders >= plan.orders
    assert report.struck.total() > 0, told
