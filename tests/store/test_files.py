"""Files are kept by content, once, and their absence is a clear answer."""

import asyncio
import hashlib
import os
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from store.errors import FilesUnavailable
from store.files import PREVIEW, WRITING, Files
from store.outages import Outages, reason
from tests.disks import no_larger, small

LARGE = b"panda" * 20_000


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(f"file://{tmp_path}/files")


async def test_a_file_is_found_by_its_sha256(files: Files) -> None:
    digest = files.put("order", b"panda")
    assert digest == hashlib.sha256(b"panda").hexdigest() == files.put("order", b"panda")
    assert await files.aget("order", digest) == b"panda"


async def test_removing_an_order_takes_all_its_files_and_no_others(files: Files) -> None:
    digest = files.put("order", b"panda")
    files.put("order2", b"panda")
    files.put_preview("order", b"blurred")
    await files.aremove("order")
    await files.aremove("order")
    with pytest.raises(FilesUnavailable):
        await files.aget("order", digest)
    with pytest.raises(FilesUnavailable):
        await files.aget_preview("order")
    assert await files.aget("order2", digest) == b"panda"


async def test_a_preview_is_replaced(files: Files) -> None:
    files.put_preview("order", b"blurred")
    files.put_preview("order", b"sharper")
    assert await files.aget_preview("order") == b"sharper"
    files.remove_preview("order")
    files.remove_preview("order")
    with pytest.raises(FilesUnavailable):
        await files.aget_preview("order")


def test_a_folder_that_cannot_be_written_is_a_clear_answer(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    files = Files(f"file://{tmp_path}/files")
    (tmp_path / "files" / "order").write_bytes(b"in the way")
    with pytest.raises(FilesUnavailable):
        files.put("order", b"panda")


def there(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


async def test_a_file_that_finds_no_room_leaves_nothing_and_is_kept_once_there_is(
    tmp_path: Path,
) -> None:
    files = Files(f"file://{tmp_path}/files", Outages())
    first = files.put("order", b"panda")
    files.put_preview("order", b"blurred")
    with no_larger(1000), capture_logs() as lines:
        for _ in range(3):
            with pytest.raises(FilesUnavailable):
                files.put("order", LARGE)
            with pytest.raises(FilesUnavailable):
                await files.aput("order", LARGE)
            with pytest.raises(FilesUnavailable):
                files.put_preview("order", LARGE)
            assert files.get("order", first) == b"panda"
    assert await files.aget_preview("order") == b"blurred"
    assert sorted(there(tmp_path)) == sorted([first, PREVIEW])
    with capture_logs() as more:
        assert await files.aget("order", files.put("order", LARGE)) == LARGE
    told = [(line["event"], line["what"], line.get("error")) for line in lines + more]
    assert told == [
        ("unavailable", WRITING, "File too large (os error 27)"),
        ("available again", WRITING, None),
    ]


async def test_on_a_full_disk_all_that_is_kept_is_whole(tmp_path: Path) -> None:
    with small(tmp_path / "disk", "1m") as disk:
        files = Files(f"file://{disk.folder}/files")
        kept = [files.put("order", bytes([nth]) * 200_000) for nth in range(4)]
        with pytest.raises(FilesUnavailable) as refused:
            files.put("order", bytes(300_000))
        assert reason(refused.value) == "No space left on device (os error 28)"
        assert sorted(there(disk.folder)) == sorted(kept)
        assert [len(files.get("order", digest)) for digest in kept] == [200_000] * len(kept)
        disk.fill()
        await files.aremove("order")
        assert files.get("order", files.put("order", LARGE)) == LARGE
        disk.read_only(on=True)
        with pytest.raises(FilesUnavailable) as refused:
            files.put("order", b"panda")
        assert reason(refused.value) == "Read-only file system (os error 30)"
        disk.read_only(on=False)
        files.put("order", b"panda")


async def test_what_was_cut_off_is_lost_and_made_whole_by_the_same_again(
    files: Files, tmp_path: Path
) -> None:
    digest = files.put("order", LARGE)
    path = tmp_path / "files" / "order" / digest
    path.write_bytes(LARGE[:-1])
    for lost in (partial(files.get, "order", digest), partial(files.get, "order", "0" * 64)):
        with pytest.raises(FilesUnavailable) as error:
            lost()
        assert isinstance(error.value.__cause__, FileNotFoundError)
    with pytest.raises(FilesUnavailable) as error:
        await files.aget("order", digest)
    assert isinstance(error.value.__cause__, FileNotFoundError)
    files.put("order", LARGE)
    assert files.get("order", digest) == LARGE


async def test_removing_an_order_takes_what_a_killed_process_was_writing(
    files: Files, tmp_path: Path
) -> None:
    (tmp_path / "files" / "order").mkdir(parents=True)
    (tmp_path / "files" / "order" / f"{'0' * 64}#1").write_bytes(b"half a pan")
    await files.aremove("order")
    assert there(tmp_path) == []


async def test_removing_an_order_leaves_nothing_where_another_process_removes_a_part_meanwhile(
    files: Files, tmp_path: Path
) -> None:
    folder = tmp_path / "files" / "order"
    for _ in range(20):
        folder.mkdir(parents=True)
        for nth in range(300):
            (folder / str(nth)).touch()
        theirs = [entry.name for entry in os.scandir(folder)][200:250]

        def remove(names: list[str] = theirs) -> None:
            for name in names:
                files.remove("order", name)

        meanwhile = asyncio.create_task(asyncio.to_thread(remove))
        await files.aremove("order")
        assert there(tmp_path) == []
        await meanwhile


def test_a_place_that_cannot_be_made_yet_is_told_and_used_once_it_can(tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(b"in the way")
    files = Files(f"file://{tmp_path}/disk/files")
    with pytest.raises(FilesUnavailable):
        files.put("order", b"panda")
    (tmp_path / "disk").unlink()
    assert files.get("order", files.put("order", b"panda")) == b"panda"
