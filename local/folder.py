"""The data folder of one machine: where everything is kept, and who may use it."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock

from local.errors import FolderInUse, FolderUnusable

PROBE = 4096
"""Bytes; a disk without room for a page has none for a start."""


def usable(folder: Path, option: str) -> None:
    """Make a folder that a person named by `option`, and write. Raises FolderUnusable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(PROBE))
    except OSError as error:
        raise FolderUnusable(folder, error, option) from None


@dataclass(frozen=True, slots=True)
class Folder:
    """Addresses inside one data folder."""

    path: Path

    @property
    def database_url(self) -> str:
        """The embedded database."""
        return f"sqlite:///{self.path}/reroll.db"

    @property
    def files_url(self) -> str:
        """The embedded file store."""
        return (self.path / "files").as_uri()

    @property
    def logs(self) -> Path:
        """The log files of the children."""
        return self.path / "logs"

    @property
    def broker(self) -> Path:
        """The broker's append-only file."""
        return self.path / "broker"

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep the folder for this run alone; the system frees it however the run ends."""
        for place in (self.path / "files", self.logs, self.broker):
            usable(place, "--data")
        lock = filelock.FileLock(self.path / "running.lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise FolderInUse(self.path) from None
        try:
            yield
        finally:
            lock.release()
