"""A canonical file's matrices, read while another thread draws.

Whatever touches all of its bytes does so without Python's lock, and seldom asks for it back: a
drawing thread that waits for the lock at every layer would lose as long as the reading takes. And
each byte goes to and fro as few times as can be: the drawing thread needs the way to memory too.
"""

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import torch
from torch.nn.functional import pad

from engine import errors
from engine.loras.canon import DOWN, DTYPES, PREFIX, UP

PIECE = 2**24
"""Bytes that are read, then hashed while the processor still has them at hand."""
ALIGNED = 64
"""To what torch aligns tensors in main memory, in bytes."""
Pair = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Stream:
    """A file of `size` bytes, not read yet.

    `readinto` fills what it is given with what comes next and returns how much that is: 0 where
    nothing is left.
    """

    size: int
    readinto: Callable[[memoryview], int]

    @classmethod
    def of(cls, content: bytes) -> "Stream":
        """Read what is in memory already."""
        return cls(len(content), BytesIO(content).readinto)


def read(sha256: str, content: bytes | Stream) -> Mapping[str, Pair]:
    """Return the matrices, down and up, by the base's layers. Raises LoraLost for another file."""
    stream = content if isinstance(content, Stream) else Stream.of(content)
    try:
        digest, tensors = _read(stream)
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


def _read(stream: Stream) -> tuple[str, dict[str, torch.Tensor]]:
    """Return the sha256 of the whole file, and the tensors in it.

    The header is not to be trusted: what room is made for is no more than the file holds.
    """
    digest = hashlib.sha256()

    def taken(size: int) -> torch.Tensor:
        room = torch.empty(size, dtype=torch.uint8)
        left = room.numpy().data
        while left:
            filled = stream.readinto(left[:PIECE])
            if not filled:
                raise ValueError("it is cut off")
            digest.update(left[:filled])
            left = left[filled:]
        return room

    length = int.from_bytes(taken(8).numpy(), "little")
    if length > stream.size - 8:
        raise ValueError("it ends in its header")
    header = json.loads(taken(length).numpy().tobytes())
    # All at once: the drawing thread would wait at each step between many small ones.
    tensors = _tensors(header, taken(stream.size - 8 - length))
    return digest.hexdigest(), tensors


def _tensors(header: dict[str, dict[str, Any]], body: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return what the header names. Raises ValueError where they are not all of the body."""
    header.pop("__metadata__", None)
    tensors, end = {}, 0
    for name, known in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        first, last = known["data_offsets"]
        dtype, shape = DTYPES[known["dtype"]], known["shape"]
        if first != end or last != first + math.prod(shape) * dtype.itemsize:
            raise ValueError(f"{name} lies elsewhere")
        tensors[name] = _laid(body[first:last]).view(dtype).view(shape)
        end = last
    if end != len(body):
        raise ValueError("it ends elsewhere")
    return tensors


def _laid(part: torch.Tensor) -> torch.Tensor:
    """Return it lying as torch lays tensors: where bytes lie decides last bits on a CPU."""
    return part.clone() if part.data_ptr() % ALIGNED else part


def _broad(down: torch.Tensor, up: torch.Tensor) -> Pair:
    """Return the pair with a second rank of zeros where it has one.

    A product with one column has other last bits for another number of tokens.
    """
    missing = 2 - down.shape[0]
    if missing <= 0:
        return down, up
    return pad(down, (0, 0, 0, missing)), pad(up, (0, missing))
