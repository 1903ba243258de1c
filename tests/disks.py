"""Disks without room: a real small one where this account may mount it, and a kernel's refusal.

A process may always be forbidden files beyond a size. What it writes is then cut off in the middle,
as on a full disk, and needs nobody's rights; the error is EFBIG in place of ENOSPC.
"""

import contextlib
import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PAGE = 4096
NOBODY = 65534


@contextmanager
def no_larger(nbytes: int, *pids: int) -> Iterator[None]:
    """Let these processes, or this one, write no file beyond a size until the block ends."""
    of = pids or (os.getpid(),)
    before = [resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in of]
    try:
        for pid, (_, hard) in zip(of, before, strict=True):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (nbytes, hard))
        yield
    finally:
        for pid, limits in zip(of, before, strict=True):
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


class Disk:
    """A small disk of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> None:
        """Leave no room for another byte."""
        with (self.folder / "filler").open("ab", buffering=0) as file:
            with contextlib.suppress(OSError):
                while file.write(bytes(PAGE)):
                    pass

    def empty(self) -> None:
        """Take back what filled it."""
        (self.folder / "filler").unlink()

    def read_only(self, *, on: bool) -> None:
        """Let nothing be written, or again everything."""
        subprocess.run(["mount", "-o", f"remount,{'ro' if on else 'rw'}", self.folder], check=True)


@contextmanager
def small(folder: Path, size: str) -> Iterator[Disk]:
    """Mount a disk of a size, such as 1m; the test is skipped where this account may not."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this account may not mount a disk")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@contextmanager
def in_the_way(place: Path) -> Iterator[None]:
    """Have nothing written there until the block ends."""
    aside = place.with_suffix(".aside")
    place.rename(aside)
    place.touch()
    yield
    place.unlink()
    aside.rename(place)


@contextmanager
def barred(folder: Path) -> Iterator[None]:
    """Let nobody look into a folder or write there until the block ends, not even root."""
    before, is_root = folder.stat().st_mode, os.geteuid() == 0
    folder.chmod(0)
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(before)
