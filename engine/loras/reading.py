"""A canonical file's matrices, read while another thread draws.

Whatever touches all of its bytes does so without Python's lock: a drawing thread that waits for the
lock at every layer would lose as long as the reading takes. And each piece is looked at while the
processor has it at hand: the drawing thread needs the way to memory too.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.functional import pad

from engine import errors
from engine.loras.canon import DOWN, DTYPES, PREFIX, UP

Content = bytes | memoryview
PIECE = 2**20
"""Bytes that fit into a core's own cache, with room for others."""
Pair = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Pieces:
    """A file of `size` bytes, of which one piece after the other is brought."""

    size: int
    pieces: Iterable[Content]

    @classmethod
    def of(cls, content: Content) -> "Pieces":
        """Cut up what is in memory already."""
        whole = memoryview(content)
        return cls(len(whole), (whole[at : at + PIECE] for at in range(0, len(whole), PIECE)))


def read(sha256: str, content: Content | Pieces) -> Mapping[str, Pair]:
    """Return the matrices, down and up, by the base's layers. Raises LoraLost for another file."""
    file = content if isinstance(content, Pieces) else Pieces.of(content)
    try:
        digest, tensors = _filled(file)
        # The recipe promises this very LoRA.
        if digest != sha256:
            raise errors.LoraLost
        modules = [name.removesuffix(DOWN) for name in tensors if name.endswith(DOWN)]
        pairs = {
            name.removeprefix(PREFIX): _broad(tensors[name + DOWN], tensors[name + UP])
            for name in modules
        }
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise errors.LoraLost from error
    # What stands there under another name would change nothing, and nobody would know.
    if 2 * len(pairs) != len(tensors):
        raise errors.LoraLost
    return pairs


def _filled(file: Pieces) -> tuple[str, dict[str, torch.Tensor]]:
    """Return the sha256 of all pieces, and the tensors in them."""
    digest, head, shelf = hashlib.sha256(), bytearray(), None
    for piece in file.pieces:
        digest.update(piece)
        if shelf is not None:
            shelf.take(memoryview(piece))
            continue
        head += piece
        start = 8 + int.from_bytes(head[:8], "little")
        if len(head) >= start:
            shelf = _Shelf(json.loads(bytes(head[8:start])), file.size - start)
            shelf.take(memoryview(head)[start:])
    if shelf is None:
        raise ValueError("it ends in its header")
    return digest.hexdigest(), shelf.tensors


class _Shelf:
    """Tensors as a header names them, filled from the file's bytes behind it in their order.

    The header is not to be trusted yet: what it makes room for is no more than the file holds.
    """

    def __init__(self, header: dict[str, dict[str, Any]], size: int) -> None:
        header.pop("__metadata__", None)
        self.tensors: dict[str, torch.Tensor] = {}
        self._places: list[np.ndarray[Any, Any]] = []
        self._filled = 0
        filled = 0
        for name, known in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
            first, last = known["data_offsets"]
            dtype = DTYPES[known["dtype"]]
            if first != filled or last != first + math.prod(known["shape"]) * dtype.itemsize:
                raise ValueError(f"{name} lies elsewhere")
            if last > size:
                raise ValueError(f"{name} is cut off")
            # To lie as torch lays tensors: where a file's bytes lie decides last bits on a CPU.
            tensor = torch.empty(known["shape"], dtype=dtype)
            self.tensors[name] = tensor
            self._places.append(tensor.view(-1).view(torch.uint8).numpy())
            filled = last
        if filled != size:
            raise ValueError("it ends elsewhere")

    def take(self, piece: memoryview) -> None:
        """Fill on."""
        left = np.frombuffer(piece, np.uint8)
        while len(left):
            place = self._places[0]  # nothing is left over: their sizes make up the file's
            taken = min(len(left), len(place) - self._filled)
            np.copyto(place[self._filled : self._filled + taken], left[:taken])
            left, self._filled = left[taken:], self._filled + taken
            if self._filled == len(place):
                self._places.pop(0)
                self._filled = 0


def _broad(down: torch.Tensor, up: torch.Tensor) -> Pair:
    """Return the pair with a second rank of zeros where it has one.

    A product with one column has other last bits for another number of tokens.
    """
    missing = 2 - down.shape[0]
    if missing <= 0:
        return down, up
    return pad(down, (0, 0, 0, missing)), pad(up, (0, missing))
