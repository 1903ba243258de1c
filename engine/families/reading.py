"""A pipeline's reading of texts: what was read before is not read again. Knows no architecture."""

import hashlib
import json
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

import torch

from engine.memory.device import hardware, is_apart
from engine.memory.words import Words, plain

LIBRARIES = ("torch", "transformers", "diffusers")


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
        asked = json.dumps([*self._named, call], sort_keys=True)
        key = hashlib.sha256(asked.encode()).hexdigest()
        if held := self._words.get(key, device):
            return held
        encoded = self._encode(device=device, **call)
        if isinstance(encoded, tuple) and all(_is_kept(one) for one in encoded):
            self._words.put(key, encoded)
        return encoded


def _is_kept(one: Any) -> bool:
    return one is None or isinstance(one, torch.Tensor)
