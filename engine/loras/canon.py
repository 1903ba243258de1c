"""A LoRA as we keep and serve it: one file per contents, in one naming, with nothing left to read.

`transformer.<layer>.lora_A.weight` and `…lora_B.weight`, with alpha in the latter. No file of a
stranger's goes further than here.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import torch
from safetensors.torch import save

from engine.loras import errors
from engine.loras.check import Pair, check
from engine.loras.file import Tensor, content
from engine.loras.names import Base

DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
MOST = 64.0
"""Learnt numbers are below 1; far above, all that comes out is noise."""
PREFIX, DOWN, UP = "transformer.", ".lora_A.weight", ".lora_B.weight"


@dataclass(frozen=True, slots=True)
class Canonical:
    """A canonical file; `sha256` is the LoRA's identity."""

    content: bytes = field(repr=False)
    sha256: str
    layers: int
    rank: int


def canonical(file: BinaryIO, base: Base) -> Canonical:
    """Check a LoRA for `base` and make its canonical file. Raises a LoraRefused."""
    pairs = check(file, base)
    tensors = dict(sorted(one for pair in pairs for one in _converted(file, pair)))
    kept = save(tensors)
    return Canonical(
        content=kept,
        sha256=hashlib.sha256(kept).hexdigest(),
        layers=len(tensors) // 2,
        rank=max(pair.rank for pair in pairs),
    )


def _converted(file: BinaryIO, pair: Pair) -> Iterator[tuple[str, torch.Tensor]]:
    down = _read(file, pair.down, pair.name)
    up = _scaled(_read(file, pair.up, pair.name), pair.scale)
    for piece in pair.target:
        yield f"{PREFIX}{piece.module}{DOWN}", down.clone()
        rows = torch.cat([up[start:stop] for start, stop in piece.spans])
        yield f"{PREFIX}{piece.module}{UP}", rows


def _read(file: BinaryIO, tensor: Tensor, module: str) -> torch.Tensor:
    read = bytearray(content(file, tensor))
    values = torch.frombuffer(read, dtype=DTYPES[tensor.dtype]).reshape(tensor.shape)
    if not values.isfinite().all():
        raise errors.LoraNotFinite(module=module)
    if values.abs().max() > MOST:
        raise errors.LoraTooStrong(module=module)
    return values


def _scaled(up: torch.Tensor, scale: float) -> torch.Tensor:
    scaled = up.float() * scale
    short = scaled.to(up.dtype)
    # Halved or doubled numbers are exact in 16 bits too; others would be rounded once more.
    return short if torch.equal(short.float(), scaled) else scaled
