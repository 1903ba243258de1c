"""A LoRA file's header, read with hard limits: which tensors it holds, and where; torch-free.

Of a stranger's file nothing else is read before all of the header is in order. Knows no model.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, BinaryIO, NoReturn

from engine.loras import errors

MIB = 2**20
FILE_LIMIT = 1024 * MIB
"""A LoRA of rank 64 over all of the largest base has 0.9 GB."""
HEADER_LIMIT = 4 * MIB
TENSORS = 8192
BRACKETS = 2**17
"""Those of all tensors, and as many as trainers put into their notes; each costs 64 bytes."""
SIDE = 2**17
SIDES = 8
NAME = re.compile(r"[A-Za-z0-9_.\-]{1,256}")
"""Of tensors and dtypes: nothing that a log or a message would show as something else."""
SIZES: Mapping[str, int] = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4}
"""The bytes of a number, of weights and of alphas."""
FIELDS = {"dtype", "shape", "data_offsets"}


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor: `start` and `stop` are places in the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself: tensors by their names, and texts that nobody vouches for."""

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str] = field(repr=False)


def read_header(file: BinaryIO) -> Header:
    """Read and check the header. Raises a LoraRefused."""
    size = file.seek(0, os.SEEK_END)
    if size > FILE_LIMIT:
        raise errors.LoraFileTooLarge(limit=FILE_LIMIT // MIB)
    file.seek(0)
    opening = file.read(9)
    length = int.from_bytes(opening[:8], "little")
    if opening[8:] != b"{":
        raise errors.LoraNotSafetensors
    if length > HEADER_LIMIT:
        _damaged("the header is too long")
    if length > size - 8:
        _damaged("it ends within the header")
    file.seek(8)
    values = _parsed(file.read(length))
    metadata = _metadata(values.pop("__metadata__", {}))
    if len(values) > TENSORS:
        raise errors.LoraTensorsTooMany(limit=TENSORS)
    start = 8 + length
    tensors = [_tensor(name, value, start) for name, value in values.items()]
    _check_places(tensors, start, size)
    return Header({tensor.name: tensor for tensor in tensors}, metadata)


def content(file: BinaryIO, tensor: Tensor) -> bytes:
    """Read a tensor's bytes. Raises LoraDamaged where the file has become shorter."""
    file.seek(tensor.start)
    read = file.read(tensor.stop - tensor.start)
    if len(read) != tensor.stop - tensor.start:
        _damaged("it ends within a tensor")
    return read


def _parsed(text: bytes) -> dict[str, Any]:
    if text.count(b"[") + text.count(b"{") > BRACKETS:
        _damaged("the header is not readable")
    try:
        values = json.loads(
            text.decode(), object_pairs_hook=_each_once, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        raise errors.LoraDamaged(reason="the header is not readable") from error
    if not isinstance(values, dict):
        _damaged("the header is not readable")
    return values


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    # Readers differ in which of two they take: what was checked might not be what is served.
    if len(values) < len(pairs):
        raise ValueError("a name stands twice")
    return values


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _metadata(values: Any) -> Mapping[str, str]:
    if not isinstance(values, dict):
        _damaged("the metadata is no table")
    if not all(isinstance(value, str) for value in values.values()):
        _damaged("the metadata is not of texts")
    return values


def _tensor(name: str, value: Any, start: int) -> Tensor:
    if not NAME.fullmatch(name):
        _damaged("a tensor's name has other signs")
    if not isinstance(value, dict) or set(value) != FIELDS:
        _damaged("a tensor is not described")
    dtype, shape, place = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or not NAME.fullmatch(dtype):
        _damaged("a tensor has no dtype")
    if dtype not in SIZES:
        raise errors.LoraDtypeUnsupported(dtype=dtype[:16])
    if not _numbers(shape, SIDE) or len(shape) > SIDES or 0 in shape:
        _damaged("a tensor has no such shape")
    if not _numbers(place, FILE_LIMIT) or len(place) != 2:
        _damaged("a tensor has no place")
    if place[1] - place[0] != prod(shape) * SIZES[dtype]:
        _damaged("a tensor's shape and length differ")
    return Tensor(name, dtype, tuple(shape), start + place[0], start + place[1])


def _numbers(values: Any, most: int) -> bool:
    # True and False are integers too.
    return isinstance(values, list) and all(type(one) is int and 0 <= one <= most for one in values)


def _check_places(tensors: list[Tensor], start: int, size: int) -> None:
    at = start
    for tensor in sorted(tensors, key=lambda one: one.start):
        if tensor.start != at:
            _damaged("its tensors overlap or leave gaps")
        at = tensor.stop
    if at > size:
        _damaged("it ends within a tensor")
    if at < size:
        _damaged("it goes on after its tensors")


def _damaged(reason: str) -> NoReturn:
    raise errors.LoraDamaged(reason=reason)
