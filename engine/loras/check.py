"""Whether a file is a LoRA that a base can be served with, and what of it goes where; torch-free.

Reads the header, and of the data the alphas alone: weights are looked at where they are converted.
"""

import json
import math
import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from engine.loras import errors
from engine.loras.file import Header, Tensor, content, read_header
from engine.loras.names import Base, Half, Target, bases, split

RANK = 128
STRENGTH = 4.0
"""The most that alpha may be of the rank."""
SETTINGS = "lora_adapter_metadata"
"""Where diffusers' trainers keep PEFT's settings, in JSON."""
OF_TEXT = "text_encoder"
LITERAL = re.compile(r"\^?[\w.\-]{1,256}\$?")
WEIGHTS = {"F32", "F16", "BF16"}
ALPHAS: Mapping[str, str] = {"F64": "<d", "F32": "<f", "F16": "<e", "I64": "<q", "I32": "<i"}


@dataclass(frozen=True, slots=True)
class Pair:
    """One pair of matrices: `scale * up @ down` is added to the layers of `target`."""

    name: str
    target: Target
    down: Tensor
    up: Tensor
    scale: float

    @property
    def rank(self) -> int:
        """Return how many columns `up` has."""
        return self.down.shape[0]


@dataclass(slots=True)
class _Found:
    name: str
    halves: dict[Half, Tensor] = field(default_factory=dict)


def check(file: BinaryIO, base: Base) -> tuple[Pair, ...]:
    """Return all pairs of a LoRA for `base`.

    Raises a LoraRefused: LoraOtherBase where it fits another base that we know.
    """
    try:
        return pairs_of(file, base)
    except (errors.LoraModuleUnknown, errors.LoraShapeWrong):
        for other in bases().values():
            if other is not base and _fits(file, other):
                raise errors.LoraOtherBase(base=other.name) from None
        raise


def _fits(file: BinaryIO, base: Base) -> bool:
    try:
        pairs_of(file, base)
    except errors.LoraRefused:
        return False
    return True


def pairs_of(file: BinaryIO, base: Base) -> tuple[Pair, ...]:
    """Return all pairs of a LoRA for `base`, whatever else it may be for. Raises a LoraRefused."""
    header = read_header(file)
    if not header.tensors:
        raise errors.LoraEmpty
    settings = _settings(header.metadata)
    found = _found(header, base)
    pairs = tuple(_pair(file, target, one, settings) for target, one in found.items())
    _check_each_once(pairs)
    for pair in pairs:
        _check_shapes(pair, base)
    return pairs


def _found(header: Header, base: Base) -> dict[Target, _Found]:
    # What a file is comes first: "no such part" would hide that it is no plain LoRA at all.
    named = [(tensor, *split(tensor.name)) for tensor in header.tensors.values()]
    found: dict[Target, _Found] = {}
    for tensor, name, half in named:
        one = found.setdefault(base.find(name), _Found(name))
        if half in one.halves:
            raise errors.LoraDoubled(module=name)
        one.halves[half] = tensor
    return found


def _pair(file: BinaryIO, target: Target, found: _Found, settings: "_Settings") -> Pair:
    down, up = (found.halves.get(half) for half in (Half.DOWN, Half.UP))
    if down is None or up is None:
        raise errors.LoraIncomplete(module=found.name)
    for tensor in (down, up):
        if tensor.dtype not in WEIGHTS:
            raise errors.LoraDtypeUnsupported(dtype=tensor.dtype)
        if len(tensor.shape) != 2:
            raise errors.LoraShapeWrong(module=found.name)
    rank = down.shape[0]
    if rank > RANK:
        raise errors.LoraRankTooHigh(value=rank, limit=RANK)
    kept = found.halves.get(Half.ALPHA)
    alpha = settings.alpha(target[0].module, rank) if kept is None else _number(file, kept)
    if not (math.isfinite(alpha) and alpha > 0):
        raise errors.LoraAlphaInvalid(module=found.name)
    if alpha / rank > STRENGTH:
        raise errors.LoraTooStrong(module=found.name)
    return Pair(found.name, target, down, up, alpha / rank)


def _check_each_once(pairs: Iterable[Pair]) -> None:
    seen: set[str] = set()
    for pair in pairs:
        for piece in pair.target:
            if piece.module in seen:
                raise errors.LoraDoubled(module=pair.name)
            seen.add(piece.module)


def _check_shapes(pair: Pair, base: Base) -> None:
    rows = sum(stop - start for piece in pair.target for start, stop in piece.spans)
    into = {base.linears[piece.module][1] for piece in pair.target}
    if pair.up.shape != (rows, pair.rank) or into != {pair.down.shape[1]}:
        raise errors.LoraShapeWrong(module=pair.name)


def _number(file: BinaryIO, tensor: Tensor) -> float:
    if math.prod(tensor.shape) != 1:
        raise errors.LoraAlphaInvalid(module=tensor.name)
    read = content(file, tensor)
    if tensor.dtype == "BF16":
        # The upper half of a 32-bit one.
        return float(struct.unpack("<f", b"\0\0" + read)[0])
    return float(struct.unpack(ALPHAS[tensor.dtype], read)[0])


@dataclass(frozen=True, slots=True)
class _Settings:
    """The alphas of a file that keeps them in its metadata; without any, alpha is the rank."""

    every: float | None = None
    some: Mapping[str, float] = field(default_factory=dict)

    def alpha(self, module: str, rank: int) -> float:
        for ending, alpha in self.some.items():
            if module == ending or module.endswith(f".{ending}"):
                return alpha
        return rank if self.every is None else self.every


def _settings(metadata: Mapping[str, str]) -> _Settings:
    if SETTINGS not in metadata:
        return _Settings()
    try:
        values = json.loads(metadata[SETTINGS])
    except (ValueError, RecursionError) as error:
        raise errors.LoraDamaged(reason="its settings are not readable") from error
    if not isinstance(values, dict):
        raise errors.LoraDamaged(reason="its settings are no table")
    own = {
        name.removeprefix("transformer."): value
        for name, value in values.items()
        if not name.startswith(OF_TEXT)
    }
    for name, kind in (("use_rslora", "rsLoRA"), ("use_dora", "DoRA"), ("lora_bias", "lora_bias")):
        if own.get(name):
            raise errors.LoraKindUnsupported(kind=kind)
    some = own.get("alpha_pattern") or {}
    every = own.get("lora_alpha")
    if not isinstance(some, dict):
        raise errors.LoraDamaged(reason="its settings are not readable")
    alphas = dict(_literal(name, value) for name, value in some.items())
    return _Settings(None if every is None else _plain(every), alphas)


def _literal(name: str, value: Any) -> tuple[str, float]:
    # PEFT takes them for regular expressions; a stranger's could run for ever.
    if not LITERAL.fullmatch(name):
        raise errors.LoraDamaged(reason="its settings hold a pattern")
    return name.removeprefix("^").removesuffix("$"), _plain(value)


def _plain(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise errors.LoraDamaged(reason="its alpha is no number")
    # As a float, an integer of 400 digits is none.
    return float(value) if abs(value) < 2**64 else math.inf
