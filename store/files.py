"""Files by their sha256: each order's in a folder of its own, with a preview; LoRAs in one.

An order's folder is its alone, so that deleting it takes nothing from anybody. Knows nothing of
SQL; a row that names a file is written only after the file is there.
"""

import asyncio
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from obstore.exceptions import BaseError, PermissionDeniedError
from obstore.store import LocalStore, ObjectStore, from_url

from store.errors import FilesUnavailable
from store.outages import Outages

if TYPE_CHECKING:
    from obstore.store import RetryConfig

PREVIEW = "preview.png"
RETRIES: "RetryConfig" = {
    "max_retries": 2,
    "retry_timeout": timedelta(seconds=8),
    "backoff": {
        "init_backoff": timedelta(seconds=0.2),
        "max_backoff": timedelta(seconds=2),
        "base": 2,
    },
}
"""Whoever calls waits for a store that is away as long as it wants; the library would for minutes,
and a member's answer with it."""
HALVES = "*#*"
"""How the library calls files in a local folder until they are whole; no digest has that sign."""
READING, WRITING = "file store, reading", "file store, writing"
"""Apart: on a disk that is full or read-only, what is there can still be read."""


class Files:
    """A file store at `file:///folder` or `s3://bucket/prefix` (credentials from the environment).

    Every method raises FilesUnavailable where the store cannot answer, is full, or has not kept a
    file whole. `outages` hears of all but the last.
    """

    def __init__(self, url: str, outages: Outages | None = None) -> None:
        self._url, self._outages = url, outages
        with suppress(OSError):  # a folder that cannot be made now: whoever needs it is told
            _ = self._store

    @cached_property
    def _store(self) -> ObjectStore:
        if self._url.startswith("file:"):
            return from_url(self._url, mkdir=True)
        return from_url(self._url, retry_config=RETRIES)

    @property
    def place(self) -> Path | None:
        """Return the folder on this machine where all lies; None where another machine keeps it."""
        return folder_of(self._url)

    def put(self, folder: str, content: bytes) -> str:
        """Keep `content`; return its sha256. The same content is kept once.

        Written beside its place and then moved there, over what may have been cut off.
        """
        digest = hashlib.sha256(content).hexdigest()
        with self._trying(WRITING):
            self._store.put(f"{folder}/{digest}", content, use_multipart=False)
        return digest

    def has(self, folder: str, digest: str) -> bool:
        """Tell whether a file is there."""
        with self._trying(READING):
            try:
                self._store.head(f"{folder}/{digest}")
            except FileNotFoundError:
                return False
        return True

    def ask(self, folder: str) -> None:
        """Raise FilesUnavailable where the store is away; who may not look may write all the same.

        An S3 answers so of what is not there to who may not list.
        """
        with self._trying(READING), suppress(FileNotFoundError, PermissionDeniedError):
            self._store.head(f"{folder}/{PREVIEW}")

    def remove(self, folder: str, digest: str) -> None:
        """Remove one file; it may be gone."""
        with self._trying(WRITING), suppress(FileNotFoundError):
            self._store.delete(f"{folder}/{digest}")

    def tidy(self, folder: str, stale_s: float) -> None:
        """Remove what a process was killed over while it wrote, so long ago that it wrote last.

        Only for a folder that is never removed as a whole, which takes such halves along.
        """
        if (place := self.place) is None:
            return
        with self._trying(WRITING):
            for half in (place / folder).glob(HALVES):
                with suppress(FileNotFoundError):  # whole meanwhile, or another process's to remove
                    if time.time() - half.stat().st_mtime > stale_s:
                        half.unlink()

    def get(self, folder: str, digest: str) -> bytes:
        """Return a file."""
        with self._trying(READING):
            return _whole(bytes(self._store.get(f"{folder}/{digest}").bytes()), digest)

    @contextmanager
    def opened(self, folder: str, digest: str) -> Iterator[tuple[int, Callable[[memoryview], int]]]:
        """Yield a file's size, and what fills memory with what comes next of it.

        That returns how much it filled, 0 at the end. What fails in the block for want of the
        store is FilesUnavailable there too.
        """
        path = f"{folder}/{digest}"
        with self._trying(READING):
            if isinstance(self._store, LocalStore):
                # The library's way costs the processor many times as much.
                with _path(self._store, path).open("rb", buffering=0) as file:
                    yield os.fstat(file.fileno()).st_size, file.readinto
            else:
                ranges = _Ranges(self._store, path)
                yield ranges.size, ranges.readinto

    async def aget(self, folder: str, digest: str) -> bytes:
        """Return a file."""
        content = await self._aread(f"{folder}/{digest}")
        with self._trying(READING):
            return await asyncio.to_thread(_whole, content, digest)

    async def aput(self, folder: str, content: bytes) -> str:
        """Keep `content`, as `put` does."""
        digest = hashlib.sha256(content).hexdigest()
        with self._trying(WRITING):
            await self._store.put_async(f"{folder}/{digest}", content, use_multipart=False)
        return digest

    async def acopy(self, folder: str, digest: str, source: str) -> None:
        """Keep a file of another order's folder in this one too."""
        with self._trying(WRITING):
            await self._store.copy_async(f"{source}/{digest}", f"{folder}/{digest}")

    def put_preview(self, folder: str, content: bytes) -> None:
        """Replace an order's preview."""
        with self._trying(WRITING):
            self._store.put(f"{folder}/{PREVIEW}", content)

    async def aget_preview(self, folder: str) -> bytes:
        """Return an order's newest preview."""
        return await self._aread(f"{folder}/{PREVIEW}")

    def remove_preview(self, folder: str) -> None:
        """Remove an order's preview; there may be none."""
        with self._trying(WRITING), suppress(FileNotFoundError):
            self._store.delete(f"{folder}/{PREVIEW}")

    async def aremove(self, folder: str) -> None:
        """Remove all files of an order; there may be none."""
        with self._trying(WRITING):
            if isinstance(self._store, LocalStore):
                # The library hides what a process was killed over while it wrote.
                await asyncio.to_thread(_emptied, _path(self._store, folder))
                return
            async for found in self._store.list(f"{folder}/"):
                with suppress(FileNotFoundError):
                    await self._store.delete_async([one["path"] for one in found])

    async def aremove_one(self, folder: str, digest: str) -> None:
        """Remove one file; it may be gone."""
        with self._trying(WRITING), suppress(FileNotFoundError):
            await self._store.delete_async(f"{folder}/{digest}")

    async def _aread(self, path: str) -> bytes:
        with self._trying(READING):
            return bytes(await (await self._store.get_async(path)).bytes_async())

    @contextmanager
    def _trying(self, deed: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:  # the store is well
            raise FilesUnavailable from error
        except (BaseError, OSError) as error:
            if self._outages:
                self._outages.began(deed, error)
            raise FilesUnavailable from error
        if self._outages:
            self._outages.ended(deed)


class _Ranges:
    """Reads a file far away, some MB with each request: a stream comes in far smaller pieces."""

    def __init__(self, store: ObjectStore, path: str) -> None:
        self.size = int(store.head(path)["size"])
        self._store, self._path, self._at = store, path, 0

    def readinto(self, place: memoryview) -> int:
        start, end = self._at, min(self._at + len(place), self.size)
        if start < end:
            place[: end - start] = self._store.get_range(self._path, start=start, end=end)
        self._at = end
        return end - start


def folder_of(url: str) -> Path | None:
    """Return the folder on this machine that a file store's address means; None for another's."""
    return Path(unquote(urlsplit(url).path)) if url.startswith("file:") else None


def _path(store: LocalStore, path: str) -> Path:
    return Path(store.prefix or "/", path)


def _emptied(folder: Path) -> None:
    """Remove a folder, and go on where another process has just removed a part of it."""
    while folder.exists():
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)


def _whole(content: bytes, digest: str) -> bytes:
    """Return it as it was kept. Raises FileNotFoundError for what a power cut or a copy cut off."""
    if hashlib.sha256(content).hexdigest() != digest:
        raise FileNotFoundError(f"{digest} is not whole")
    return content
