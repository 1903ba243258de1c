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
    digest = files.put(b"panda")
    assert digest == hashlib.sha256(b"panda").hexdigest() == files.put(b"panda")
    assert files.get(digest) == await files.aget(digest) == b"panda"


async def test_a_deleted_file_is_a_clear_answer(files: Files) -> None:
    digest = files.put(b"panda")
    await files.adelete(digest)
    await files.adelete(digest)
    with pytest.raises(FilesUnavailable):
        await files.aget(digest)


async def test_a_preview_is_replaced(files: Files) -> None:
    files.put_preview("order", b"blurred")
    files.put_preview("order", b"sharper")
    assert await files.aget_preview("order") == b"sharper"
    files.delete_preview("order")
    files.delete_preview("order")
    with pytest.raises(FilesUnavailable):
        await files.aget_preview("order")


def test_a_folder_that_cannot_be_written_is_a_clear_answer(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    files = Files(f"file://{tmp_path}/files")
    (tmp_path / "files" / hashlib.sha256(b"panda").hexdigest()[:2]).write_bytes(b"in the way")
    with pytest.raises(FilesUnavailable):
        files.put(b"panda")
