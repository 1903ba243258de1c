"""The short form of `python -m tests.hostile`."""

from pathlib import Path

from tests.hostile.running import hostile


async def test_hostile_inputs_crash_nothing_leak_nothing_and_cost_nobody(
    tmp_path: Path, sqlite_template: Path
) -> None:
    outcome = await hostile(200, 7, tmp_path, sqlite_template)
    assert outcome.clean, "\n".join([outcome.line(), *outcome.problems])
    assert outcome.kinds.total() == 200
    assert outcome.kinds["forged presses"] > 2
