"""A pipeline's reading of texts: what was read before is not read again. Knows no architecture."""

import hashlib
import json
from collections.abc import Callable, Sequence
from importlib.metadata import version
from itertools import islice
from typing import Any

import torch

from engine.memory.device import hardware, is_apart
from engine.memory.words import Encoded, Words, plain

LIBRARIES = ("torch", "transformers", "diffusers")
FORM = "2"
"""Counts up when encoded texts are laid out otherwise: those that lie in files are as they were."""
ALONE, NOTHING = -1, -2
"""A part of what was read that is one tensor, or none; else it is a list of so many."""


def by_what(device: str) -> tuple[str, ...]:
    """Name what decides an encoding's last bits beside weights and text, and may be outlived."""
    threads = "" if is_apart(device) else f"{torch.get_num_threads()} threads"
    return hardware(device), threads, *(f"{name} {version(name)}" for name in LIBRARIES)


class Reading:
    """Stands for `encode_prompt` in one picture's pipeline; `named` is what else decides it."""

    def __init__(self, encode: Callable[..., Any], words: Words, named: Sequence[str]) -> None:
        self._encode, self._words, self._named = encode, words, named

    def __call__(self, *arguments: Any, device: torch.device, **call: Any) -> Any:
        """Return what the text encoders make of a text."""
        if arguments or not plain(call):
            return self._encode(*arguments, device=device, **call)
        asked = json.dumps([FORM, *self._named, call], sort_keys=True)
        key = hashlib.sha256(asked.encode()).hexdigest()
        if held := self._words.get(key, device):
            return _parted(held)
        encoded = self._encode(device=device, **call)
        if isinstance(encoded, tuple) and (flat := _flat(encoded)):
            self._words.put(key, flat)
        return encoded


def _flat(encoded: tuple[Any, ...]) -> Encoded:
    """Return all tensors behind one that tells how they part, nothing where there is anything else.

    Pipelines give tensors, lists of them and None, and want each where it was.
    """
    kinds = [_kind(one) for one in encoded]
    held = [one for part in encoded for one in (part if isinstance(part, list) else [part])]
    flat = [one for one in held if one is not None]
    if not all(isinstance(one, torch.Tensor) for one in flat):
        return ()
    return torch.tensor(kinds), *flat


def _kind(part: Any) -> int:
    if isinstance(part, list):
        return len(part)
    return NOTHING if part is None else ALONE


def _parted(flat: Encoded) -> tuple[Any, ...]:
    kinds, left = flat[0].tolist(), iter(flat[1:])
    return tuple(
        list(islice(left, kind)) if kind >= 0 else None if kind == NOTHING else next(left)
        for kind in kinds
    )
