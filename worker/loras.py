"""LoRA files on their way into the engine: from the file store, or the disk of this machine.

Knows no claim; what is at hand in memory is the engine's to know.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from weakref import WeakValueDictionary

from engine.errors import LoraLost
from engine.loras.adapters import Adapters
from engine.loras.reading import Stream
from store.errors import FilesUnavailable
from store.files import Files
from store.loras.library import FOLDER
from worker.disk import Disk


class Loras:
    """Brings LoRAs into main memory, for several threads at once; each file is read by one."""

    def __init__(self, files: Files, disk: Disk | None = None) -> None:
        """Read from `files`, and keep on `disk` what was read, where that is nearer."""
        self._files, self._disk = files, disk
        self._lock = Lock()
        self._reading: WeakValueDictionary[str, Lock] = WeakValueDictionary()

    def bring(self, adapters: Adapters, sha256: str) -> int:
        """Have the LoRA at hand; return the bytes that were read.

        Raises LoraLost where it is gone, or FilesUnavailable.
        """
        with self._lock:
            alone = self._reading.setdefault(sha256, Lock())
        with alone:
            if sha256 in adapters.at_hand:
                return 0
            if read := self._by_disk(adapters, sha256):
                return read
            with self._opened(sha256) as file:
                adapters.keep(sha256, file)
            return file.size

    def _by_disk(self, adapters: Adapters, sha256: str) -> int:
        """Read from the disk what lies there, or is brought there now."""
        if self._disk is None:
            return 0
        if read := self._from(self._disk, adapters, sha256):
            return read
        with self._opened(sha256) as file:
            self._disk.put(sha256, file)
        return self._from(self._disk, adapters, sha256)

    def _from(self, disk: Disk, adapters: Adapters, sha256: str) -> int:
        with disk.opened(sha256) as file:
            if file is None:
                return 0
            try:
                adapters.keep(sha256, file)
            except LoraLost:
                disk.remove(sha256)
                return 0
            return file.size

    @contextmanager
    def _opened(self, sha256: str) -> Iterator[Stream]:
        try:
            with self._files.opened(FOLDER, sha256) as found:
                yield Stream(*found)
        except FilesUnavailable as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise LoraLost from error
            raise
