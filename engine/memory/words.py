"""What text encoders made of texts, kept by content: in memory, and in files where a host wants it.

Named by a digest of all that decides it and by nothing else: no member, no order. Knows no model.
"""

import os
import tempfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

MB = 1_000_000
IN_MEMORY = 256 * MB
IN_FILES = 4000 * MB
"""The least recently used leave beyond these, and in memory beyond what models allow."""
UNREADABLE = (OSError, SafetensorError, ValueError)

Encoded = tuple[torch.Tensor, ...]
"""What was made of a text; a file keeps their order, and nothing that is no tensor."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """A folder for encoded texts, and the most bytes that lie in it."""

    folder: Path
    room: float = IN_FILES

    def get(self, key: str) -> Encoded | None:
        """Return what lies there, or None; what is damaged is as good as nothing."""
        path = self._path(key)
        try:
            tensors = load_file(path)
        except UNREADABLE:
            return None
        with suppress(OSError):  # on a disk that is read-only
            path.touch()
        return tuple(tensors[name] for name in sorted(tensors, key=int))

    def put(self, key: str, encoded: Encoded) -> None:
        """Keep it, the least recently used files leaving where it needs the room."""
        tensors = {str(index): one.contiguous() for index, one in enumerate(encoded)}
        with suppress(*UNREADABLE), self._half() as half:
            save_file(tensors, half)
            # Another worker may write the same file at the same time, and it is the same.
            half.replace(self._path(key))
            self._make_room()

    @contextmanager
    def _half(self) -> Iterator[Path]:
        """Yield a file to write to, and leave none behind that found no room."""
        self.folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.folder)
        os.close(handle)
        try:
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.safetensors"

    def _make_room(self) -> None:
        files = [(path, path.stat()) for path in self.folder.glob("*.safetensors")]
        files.sort(key=lambda file: file[1].st_mtime)
        taken = sum(stat.st_size for _, stat in files)
        for path, stat in files[:-1]:
            if taken <= self.room:
                return
            path.unlink(missing_ok=True)
            taken -= stat.st_size


class Words:
    """Encoded texts at hand, in main memory whatever the device."""

    def __init__(self, *, most: float = IN_MEMORY, shelf: Shelf | None = None) -> None:
        self._most, self._room, self._shelf = most, 0.0, shelf
        self._held: OrderedDict[str, Encoded] = OrderedDict()
        self._bytes = 0

    def allow(self, nbytes: float) -> None:
        """Let texts take so many bytes, unless they may take more already."""
        self._room = min(self._most, max(self._room, nbytes))

    def get(self, key: str, device: torch.device) -> Encoded | None:
        """Return what was made of a text, on the device; None where it is to be made."""
        held = self._held.get(key)
        if held is None and self._shelf and (held := self._shelf.get(key)):
            self._hold(key, held)
        if held is None:
            return None
        self._held.move_to_end(key)
        return tuple(one.to(device) for one in held)

    def put(self, key: str, encoded: Encoded) -> None:
        """Keep what was made of a text."""
        kept = tuple(one.detach().cpu() for one in encoded)
        self._hold(key, kept)
        if self._shelf:
            self._shelf.put(key, kept)

    def _hold(self, key: str, encoded: Encoded) -> None:
        self._held[key] = encoded
        self._bytes += _size(encoded)
        while self._bytes > self._room and len(self._held) > 1:
            _, left = self._held.popitem(last=False)
            self._bytes -= _size(left)


def _size(encoded: Encoded) -> int:
    return sum(one.nbytes for one in encoded)


def plain(call: Mapping[str, object]) -> bool:
    """Tell whether a call is of plain values only, so that a digest can name what it gives."""
    return all(isinstance(value, str | int | float | tuple | None) for value in call.values())
