"""Files are kept by content, once, and their absence is a clear answer."""

import hashlib
from pathlib import Path

import pytest

from store.errors import FilesUnavailable
from store.files import Files


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
