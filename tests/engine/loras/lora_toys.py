"""Tiny transformers of the real classes as bases, LoRAs over them, and files in every naming."""

import io
import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from safetensors.torch import save

from engine.loras.names import Base, bases
from tests.engine import stock_toys, toys
from tests.engine.loras.lora_tables import linears

RANK = 3
ALPHA = 1.8
FUSED = {
    "flux1": {
        "double_blocks.0.img_attn.qkv": ["transformer_blocks.0.attn.to_" + one for one in "qkv"],
        "double_blocks.0.txt_attn.qkv": [
            f"transformer_blocks.0.attn.add_{one}_proj" for one in "qkv"
        ],
        "single_blocks.0.linear1": [
            *("single_transformer_blocks.0.attn.to_" + one for one in "qkv"),
            "single_transformer_blocks.0.proj_mlp",
        ],
    },
    "flux2": {
        "double_blocks.0.img_attn.qkv": ["transformer_blocks.0.attn.to_" + one for one in "qkv"],
        "double_blocks.0.txt_attn.qkv": [
            f"transformer_blocks.0.attn.add_{one}_proj" for one in "qkv"
        ],
    },
    "z_image": {
        "layers.0.attention.qkv": ["layers.0.attention.to_" + one for one in "qkv"],
    },
}
"""What the models' authors fuse, and into what diffusers takes it apart."""
RENAMED = {
    "flux1": {
        "double_blocks.0.img_attn.proj": "transformer_blocks.0.attn.to_out.0",
        "double_blocks.0.txt_mlp.2": "transformer_blocks.0.ff_context.net.2",
        "double_blocks.0.img_mod.lin": "transformer_blocks.0.norm1.linear",
        "single_blocks.0.linear2": "single_transformer_blocks.0.proj_out",
    },
    "flux2": {
        "double_blocks.0.txt_attn.proj": "transformer_blocks.0.attn.to_add_out",
        "double_blocks.0.img_mlp.0": "transformer_blocks.0.ff.linear_in",
        "single_blocks.0.linear1": "single_transformer_blocks.0.attn.to_qkv_mlp_proj",
        "single_blocks.0.linear2": "single_transformer_blocks.0.attn.to_out",
    },
    "z_image": {"layers.0.attention.out": "layers.0.attention.to_out.0"},
}
MAKERS: Mapping[str, Callable[[], torch.nn.Module]] = {
    "qwen_image": lambda: toys.toy_pipeline().transformer,
    "flux1": lambda: stock_toys.flux1(guided=True).transformer,
    "flux2": lambda: stock_toys.flux2_klein(distilled=True).transformer,
    "z_image": lambda: stock_toys.z_image().transformer,
}

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Lora:
    """Matrices by the name of what they change, and what they add to each layer of the base."""

    pairs: Mapping[str, tuple[torch.Tensor, torch.Tensor]]
    deltas: Mapping[str, torch.Tensor]


def base(family: str) -> Base:
    """Return the base that a tiny transformer is."""
    aliases = next(one.aliases for one in bases().values() if one.family == family)
    return Base("toy", family, linears(MAKERS[family]()), aliases)


def lora(of: Base, alpha: float = RANK, seed: int = 0) -> Lora:
    """Make a LoRA over all layers, by diffusers' names."""
    random = torch.Generator().manual_seed(seed)
    pairs, deltas = {}, {}
    for name, (out, into) in of.linears.items():
        down = torch.randn(RANK, into, generator=random) * 0.2
        up = torch.randn(out, RANK, generator=random) * 0.2
        pairs[name] = (down, up)
        deltas[name] = up @ down * (alpha / RANK)
    return Lora(pairs, deltas)


def authors(of: Base, alpha: float = RANK) -> Lora:
    """Make a LoRA by the names of the model's authors, several layers in one among them."""
    random = torch.Generator().manual_seed(1)
    pairs: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    deltas: dict[str, torch.Tensor] = {}
    named = {**FUSED[of.family], **{key: [one] for key, one in RENAMED[of.family].items()}}
    for name, modules in named.items():
        rows = [of.linears[module][0] for module in modules]
        down = torch.randn(RANK, of.linears[modules[0]][1], generator=random) * 0.2
        up = torch.randn(sum(rows), RANK, generator=random) * 0.2
        pairs[name] = (down, up)
        delta = up @ down * (alpha / RANK)
        deltas |= dict(zip(modules, torch.split(delta, rows), strict=True))
    return Lora(pairs, deltas)


def named(
    one: Lora,
    prefix: str = "",
    halves: tuple[str, str] = ("lora_A", "lora_B"),
    alpha: float | None = None,
    *,
    flat: bool = False,
) -> Tensors:
    """Return the tensors of a file in some naming."""
    tensors: Tensors = {}
    for name, pair in one.pairs.items():
        stem = prefix + (name.replace(".", "_") if flat else name)
        for half, matrix in zip(halves, pair, strict=True):
            tensors[f"{stem}.{half}.weight"] = matrix
        if alpha is not None:
            tensors[f"{stem}.alpha"] = torch.tensor(alpha)
    return tensors


def file(tensors: Tensors, metadata: dict[str, str] | None = None) -> io.BytesIO:
    """Return a file of them."""
    return io.BytesIO(save({name: one.clone() for name, one in tensors.items()}, metadata))


def raw(header: Any, data: bytes = b"", *, length: int | None = None) -> io.BytesIO:
    """Return a file of any header, a text or JSON values."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return io.BytesIO(struct.pack("<Q", len(text) if length is None else length) + text + data)
