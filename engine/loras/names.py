"""What LoRA files call the parts of a base, and which part each name means; torch-free.

A base is a transformer's architecture at one size: the linear layers that a LoRA can change, from
`bases.toml`. Trainers name them as diffusers does or as the model's authors do, with dots or
flat with underscores, below one prefix or another.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from engine.loras import errors

TABLE = Path(__file__).parent / "bases.toml"
BLOCK = "#"
"""Stands for a block's number."""
TURNED = " turned"
"""Marks an alias whose two halves stand the other way round: shift and scale."""
PREFIXES = ("base_model.model.", "model.diffusion_model.", "diffusion_model.", "transformer.")
FLAT_PREFIXES = ("lora_unet_", "lora_transformer_", "lycoris_")
TEXT = re.compile(
    r"(base_model\.model\.)?"
    r"(text_encoders?|text_model|lora_te|lycoris_text|te\d|clip|t5|conditioner|cond_stage_model)"
)
KINDS: Mapping[str, str] = {
    "dora_scale": "DoRA",
    "lora_magnitude_vector": "DoRA",
    "lokr_": "LoKr",
    "hada_": "LoHa",
    "oft_": "OFT",
    "boft_": "BOFT",
    "vera_": "VeRA",
    "lora_mid": "LoCon",
    "on_input": "IA3",
    "lora_embedding": "embedding LoRA",
    "lora_B.bias": "LoRA with biases",
    "lora_up.bias": "LoRA with biases",
}
"""What is no plain LoRA, by what stands in its tensors' names."""

Shape = tuple[int, int]
"""Of a linear layer's weight: out, in."""


class Half(Enum):
    """What a tensor is to its pair: `UP @ DOWN * ALPHA / rank` is added to a weight."""

    DOWN = auto()
    UP = auto()
    ALPHA = auto()


ENDINGS: Mapping[Half, re.Pattern[str]] = {
    # PEFT puts an adapter's name, "default" mostly, between them.
    Half.DOWN: re.compile(r"(.+)\.(?:lora_A(?:\.\w+)?|lora_down|lora\.down)\.weight"),
    Half.UP: re.compile(r"(.+)\.(?:lora_B(?:\.\w+)?|lora_up|lora\.up)\.weight"),
    Half.ALPHA: re.compile(r"(.+)\.alpha"),
}


@dataclass(frozen=True, slots=True)
class Piece:
    """One linear layer of the base, and which rows of a file's `UP` are its own, in its order."""

    module: str
    spans: tuple[tuple[int, int], ...]


Target = tuple[Piece, ...]
"""What one name means: some name the layers for q, k and v in one."""


@dataclass(frozen=True)
class Base:
    """A transformer that LoRAs are made for; `linears` are its layers by diffusers' names."""

    name: str
    family: str
    linears: Mapping[str, Shape]
    aliases: Mapping[str, tuple[str, ...]]

    @cached_property
    def names(self) -> Mapping[str, Target]:
        """Return what each known name means, dotted and flat."""
        dotted = {
            name: (Piece(name, ((0, shape[0]),)),) for name, shape in self.linears.items()
        } | dict(self._others())
        return {name.replace(".", "_"): target for name, target in dotted.items()} | dotted

    def _others(self) -> Iterator[tuple[str, Target]]:
        for alias, modules in self.aliases.items():
            first = re.escape(modules[0].removesuffix(TURNED)).replace(re.escape(BLOCK), r"(\d+)")
            for match in filter(None, (re.fullmatch(first, name) for name in self.linears)):
                number = match[1] if match.groups() else ""
                named = [module.replace(BLOCK, number) for module in modules]
                yield alias.replace(BLOCK, number), self._target(named)

    def _target(self, modules: list[str]) -> Target:
        pieces, at = [], 0
        for marked in modules:
            module = marked.removesuffix(TURNED)
            rows = self.linears[module][0]
            half, end = at + rows // 2, at + rows
            turned = module != marked
            pieces.append(Piece(module, ((half, end), (at, half)) if turned else ((at, end),)))
            at = end
        return tuple(pieces)

    def find(self, name: str) -> Target:
        """Return what a name means. Raises LoraModuleUnknown."""
        for bare in _stripped(name):
            if bare in self.names:
                return self.names[bare]
        raise errors.LoraModuleUnknown(module=name[:100])


def split(tensor: str) -> tuple[str, Half]:
    """Split a tensor's name into its module's and which half it is.

    Raises LoraForText, LoraKindUnsupported, or LoraOverwritesBase for anything else.
    """
    if TEXT.match(tensor):
        raise errors.LoraForText
    for mark, kind in KINDS.items():
        if mark in tensor:
            raise errors.LoraKindUnsupported(kind=kind)
    for half, ending in ENDINGS.items():
        if match := ending.fullmatch(tensor):
            return match[1], half
    # Norms, biases, whole weights and their differences: they would stay when the LoRA leaves.
    raise errors.LoraOverwritesBase(module=tensor[:100])


@cache
def bases() -> Mapping[str, Base]:
    """Return the bases by their names."""
    tables = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    aliases = tables.pop("aliases")
    return {name: _base(name, values, aliases) for name, values in tables.items()}


def _base(name: str, values: Mapping[str, Any], aliases: Mapping[str, Any]) -> Base:
    family = values["family"]
    others = {alias: tuple(modules) for alias, modules in aliases.get(family, {}).items()}
    return Base(name, family, dict(_spread(values["linears"], values["blocks"])), others)


def _spread(
    linears: Mapping[str, list[int]], blocks: Mapping[str, int]
) -> Iterator[tuple[str, Shape]]:
    for pattern, (out, into) in linears.items():
        for number in range(blocks.get(pattern.partition(".")[0], 1)):
            yield pattern.replace(BLOCK, str(number)), (out, into)


def _stripped(name: str) -> Iterator[str]:
    for _ in range(3):
        yield name
        for prefix in FLAT_PREFIXES:
            if name.startswith(prefix):
                yield name.removeprefix(prefix)
        shorter = next((name.removeprefix(one) for one in PREFIXES if name.startswith(one)), name)
        if shorter == name:
            return
        name = shorter
