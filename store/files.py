"""Files by content: pictures under their sha256 in a folder or S3, and previews that are replaced.

Knows nothing of SQL; a row that names a file is written only after the file is there.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import ObjectStore, from_url

from store.errors import FilesUnavailable


class Files:
    """A file store at `file:///folder` or `s3://bucket/prefix` (credentials from the environment).

    Every method raises FilesUnavailable where the store cannot answer.
    """

    def __init__(self, url: str) -> None:
        self._store: ObjectStore = (
            from_url(url, mkdir=True) if url.startswith("file:") else from_url(url)
        )

    def put(self, content: bytes) -> str:
        """Keep `content`; return its sha256. The same content is kept once."""
        digest = hashlib.sha256(content).hexdigest()
        with _unavailable(), suppress(AlreadyExistsError):
            self._store.put(_path(digest), content, mode="create")
        return digest

    def get(self, digest: str) -> bytes:
        """Return a file."""
        with _unavailable():
            return bytes(self._store.get(_path(digest)).bytes())

    async def aget(self, digest: str) -> bytes:
        """Return a file without blocking the event loop."""
        with _unavailable():
            return bytes(await (await self._store.get_async(_path(digest))).bytes_async())

    async def adelete(self, digest: str) -> None:
        """Remove a file; it may be gone already."""
        with _unavailable(), suppress(FileNotFoundError):
            await self._store.delete_async(_path(digest))

    def put_preview(self, generation_id: str, content: bytes) -> None:
        """Replace an order's preview."""
        with _unavailable():
            self._store.put(_preview(generation_id), content)

    async def aget_preview(self, generation_id: str) -> bytes:
        """Return an order's newest preview."""
        with _unavailable():
            return bytes(await (await self._store.get_async(_preview(generation_id))).bytes_async())

    def delete_preview(self, generation_id: str) -> None:
        """Remove an order's preview; there may be none."""
        with _unavailable(), suppress(FileNotFoundError):
            self._store.delete(_preview(generation_id))


def _path(digest: str) -> str:
    return f"{digest[:2]}/{digest}"


def _preview(generation_id: str) -> str:
    return f"previews/{generation_id}.png"


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        raise FilesUnavailable from error
