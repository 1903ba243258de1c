"""Whether a LoRA's file will find room: seen beforehand where that can be; knows no fetch."""

import errno
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from store.errors import FilesUnavailable
from store.files import Files
from store.loras import library

UNWRITABLE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS),
    *(errno.EACCES, errno.EPERM, errno.EEXIST, errno.ENOTDIR),
}
"""No room, no right, or something in the way: a host's to mend, and no fault of a file."""


class NoRoom(FilesUnavailable):
    """The file would not be kept now, which was seen before any of it was brought."""


@dataclass(slots=True)
class Takes:
    """What a file takes, as far as that is known: as it is brought, and as it is kept."""

    brought: int = 0
    kept: int = 0


@contextmanager
def writable() -> Iterator[None]:
    """Raise FilesUnavailable where this machine's own disk takes no file."""
    try:
        yield
    except OSError as error:
        if error.errno in UNWRITABLE:
            raise FilesUnavailable from error
        raise


def check(files: Files, part: Path, takes: Takes) -> None:
    """Raise NoRoom where a file that is brought as `part` would surely not be kept in `files`."""
    try:
        with writable():
            part.parent.mkdir(parents=True, exist_ok=True)
        files.ask(library.FOLDER)
    except FilesUnavailable as error:
        raise NoRoom from error.__cause__
    if lacks(files, part, takes):
        raise NoRoom from OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def lacks(files: Files, part: Path, takes: Takes) -> bool:
    """Tell whether it has surely no room on this machine's disks, as far as is known."""
    there = part.stat().st_size if part.exists() else 0
    wanted = [(part.parent, takes.brought - there)]
    if files.place is not None:
        wanted.append((files.place, takes.kept))
    return _are_full(wanted)


def free(folder: Path) -> int:
    """Return the bytes that can be written where a folder lies. Raises OSError."""
    disk = os.statvfs(folder)
    return 0 if disk.f_flag & os.ST_RDONLY else disk.f_bavail * disk.f_frsize


def _are_full(wanted: Iterable[tuple[Path, int]]) -> bool:
    needed: Counter[int] = Counter()
    left: dict[int, int] = {}
    for folder, nbytes in wanted:
        with suppress(OSError):  # what cannot be looked at may have room
            device = folder.stat().st_dev
            left[device] = free(folder)
            needed[device] += nbytes
    return any(left[device] < nbytes for device, nbytes in needed.items())
