"""Files by their sha256 on this machine's own disk, within a room; the least recently used leaves.

It only saves time: whatever is wrong with it, it holds nothing, and the work goes on.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from engine.loras.reading import PIECE, Stream
from store.outages import Outages

NAME = "disk for LoRAs"
HALF = ".half"
FORGOTTEN_S = 3600.0
"""A half file that nobody has written to for so long is of a process that died."""


class Disk:
    """A folder that several workers of one machine may share."""

    def __init__(self, folder: Path, room: float) -> None:
        """Keep up to `room` bytes in `folder`, which is made where it is missing."""
        self._folder, self._room = folder, room
        self._outages = Outages()

    @contextmanager
    def opened(self, sha256: str) -> Iterator[Stream | None]:
        """Yield a file as it lies there, to be held against its name; None where it does not."""
        file = self._found(sha256)
        if file is None:
            yield None
            return

        def readinto(place: memoryview) -> int:
            with self._optional():  # what is cut off so is another file
                return file.readinto(place)
            return 0

        with file:
            yield Stream(os.fstat(file.fileno()).st_size, readinto)

    def put(self, sha256: str, stream: Stream) -> None:
        """Keep a file, others leaving for it."""
        if stream.size > self._room:
            return
        piece = memoryview(bytearray(min(stream.size, PIECE)))
        with self._optional():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._make_room(stream.size)
            half = self._folder / f"{sha256}.{os.getpid()}{HALF}"
            try:
                with half.open("wb") as file:
                    while filled := stream.readinto(piece):
                        file.write(piece[:filled])
                half.replace(self._folder / sha256)
            finally:  # what found no room must not take what there is
                half.unlink(missing_ok=True)
            self._outages.ended(NAME)

    def remove(self, sha256: str) -> None:
        """Remove a file that turned out to be another one."""
        with self._optional():
            (self._folder / sha256).unlink(missing_ok=True)

    def _found(self, sha256: str) -> FileIO | None:
        path = self._folder / sha256
        with suppress(FileNotFoundError), self._optional():
            file = path.open("rb", buffering=0)
            with suppress(OSError):  # on a disk that is read-only
                os.utime(path)
            return file
        return None

    def _make_room(self, coming: int) -> None:
        files = sorted(self._files())
        taken = coming + sum(size for _, size, _ in files)
        for used_at, size, path in files:
            of_the_dead = path.suffix == HALF and used_at < time.time() - FORGOTTEN_S
            if taken <= self._room and not of_the_dead:
                continue
            path.unlink(missing_ok=True)
            taken -= size

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        with os.scandir(self._folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # another worker's to remove as well
                    found = entry.stat()
                    yield found.st_mtime, found.st_size, Path(entry.path)

    @contextmanager
    def _optional(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            self._outages.began(NAME, error)
