"""LoRAs for the starter as the file store holds them, and orders that ask for them."""

import hashlib
from dataclasses import replace
from typing import Any

from safetensors.torch import save

from engine.loras.names import Base, bases
from engine.request import LoraUse
from store.loras.library import FOLDER
from tests.engine.loras import lora_toys
from tests.engine.loras.lora_toys import named
from tests.store.placing import place
from tests.worker.conftest import asked
from worker.drawing import Parts


def content(seed: int, base: str = "starter") -> bytes:
    """Return a canonical file over all layers of a base."""
    return _content(bases()[base], seed)


def misfit() -> bytes:
    """Return a canonical file over a layer that the starter lacks."""
    starter = bases()["starter"]
    return _content(replace(starter, linears={**starter.linears, "nowhere": (4, 4)}), 9)


def digest(file: bytes) -> str:
    """Return what a file is named by."""
    return hashlib.sha256(file).hexdigest()


def use(*worn: tuple[bytes, float]) -> tuple[LoraUse, ...]:
    """Return what a request asks for."""
    return tuple(LoraUse(digest(file), weight) for file, weight in worn)


def ordered(
    parts: Parts, *files: bytes, keep: bool = True, user_id: int = 1, **changes: Any
) -> str:
    """Place an order with LoRAs, whose files are in the store unless they have gone."""
    for file in files if keep else ():
        parts.files.put(FOLDER, file)
    wish = asked(**changes, loras=use(*((file, 1.0) for file in files)))
    with parts.database.begin() as session:
        return place(session, wish.count, user_id, request=wish)


def _content(base: Base, seed: int) -> bytes:
    tensors = named(lora_toys.lora(base, seed=seed), "transformer.")
    return save(dict(sorted(tensors.items())))
