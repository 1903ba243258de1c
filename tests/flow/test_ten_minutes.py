"""A host is from clone to a live bot within ten minutes."""

from pathlib import Path

import pytest

from tests.flow.ten_minutes import LIMIT_S, walk


@pytest.mark.timeout(LIMIT_S)
async def test_from_a_clone_to_a_members_picture(tmp_path: Path) -> None:
    told: list[str] = []
    assert await walk(tmp_path, told.append) < LIMIT_S
    assert len(told) == 5
