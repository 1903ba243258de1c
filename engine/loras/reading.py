"""A canonical file's matrices, read while another thread draws.

Whatever touches all of its bytes does so without Python's lock: a drawing thread that waits for the
lock at every layer would lose as long as the reading takes.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch.nn.functional import pad

from engine import errors
from engine.loras.canon import DOWN, DTYPES, PREFIX, UP

Content = bytes | memoryview
Pair = tuple[torch.Tensor, torch.Tensor]


def read(sha256: str, content: Content) -> Mapping[str, Pair]:
    """Return the matrices, down and up, by the base's layers. Raises LoraLost for another file."""
    # The recipe promises this very LoRA.
    if hashlib.sha256(content).hexdigest() != sha256:
        raise errors.LoraLost
    try:
        tensors = dict(_tensors(content))
        modules = [name.removesuffix(DOWN) for name in tensors if name.endswith(DOWN)]
        pairs = {
            name.removeprefix(PREFIX): _broad(tensors[name + DOWN], tensors[name + UP])
            for name in modules
        }
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise errors.LoraLost from error
    # What stands there under another name would change nothing, and nobody would know.
    if 2 * len(pairs) != len(tensors):
        raise errors.LoraLost
    return pairs


def _tensors(content: Content) -> Iterator[tuple[str, torch.Tensor]]:
    start = 8 + int.from_bytes(content[:8], "little")
    header: dict[str, dict[str, Any]] = json.loads(bytes(content[8:start]))
    header.pop("__metadata__", None)
    for name, known in header.items():
        # Copied, to lie as torch lays tensors: where a file's bytes lie decides last bits on a CPU.
        tensor = torch.empty(known["shape"], dtype=DTYPES[known["dtype"]])
        first, last = known["data_offsets"]
        found = np.frombuffer(content, np.uint8, last - first, start + first)
        np.copyto(tensor.view(-1).view(torch.uint8).numpy(), found)
        yield name, tensor


def _broad(down: torch.Tensor, up: torch.Tensor) -> Pair:
    """Return the pair with a second rank of zeros where it has one.

    A product with one column has other last bits for another number of tokens.
    """
    missing = 2 - down.shape[0]
    if missing <= 0:
        return down, up
    return pad(down, (0, 0, 0, missing)), pad(up, (0, missing))
