"""What has surely no room is seen before it is brought."""

from pathlib import Path

import pytest

from store.files import Files
from worker import room
from worker.room import NoRoom, Takes

MUCH = 10**18


@pytest.mark.parametrize(
    ("takes", "is_seen"),
    [(Takes(), False), (Takes(9, 9), False), (Takes(MUCH, 0), True), (Takes(0, MUCH), True)],
)
def test_a_file_that_no_disk_holds_is_seen_beforehand(
    tmp_path: Path, takes: Takes, is_seen: bool
) -> None:
    files, part = Files(f"file://{tmp_path}/files"), tmp_path / "parts" / "a.part"
    room.check(files, part, Takes())
    assert room.lacks(files, part, takes) is is_seen
    if is_seen:
        with pytest.raises(NoRoom):
            room.check(files, part, takes)


def test_what_is_brought_and_kept_on_one_disk_needs_room_for_both(tmp_path: Path) -> None:
    files, part = Files(f"file://{tmp_path}/files"), tmp_path / "a.part"
    half = room.free(tmp_path) * 2 // 3
    assert not room.lacks(files, part, Takes(half, 0))
    assert room.lacks(files, part, Takes(half, half))
