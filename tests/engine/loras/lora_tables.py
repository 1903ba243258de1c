"""The table of bases, made of the real classes at their published sizes, without any weights.

`python -m tests.engine.loras.lora_tables` prints `engine/loras/bases.toml` but for its aliases.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from diffusers import (
    Flux2Transformer2DModel,
    FluxTransformer2DModel,
    QwenImageTransformer2DModel,
    ZImageTransformer2DModel,
)

from engine.loras.names import Shape
from engine.variants.catalog import PROJECT


def _starter() -> torch.nn.Module:
    folder = PROJECT / "starter" / "weights" / "transformer"
    config = json.loads((folder / "config.json").read_text())
    model: torch.nn.Module = QwenImageTransformer2DModel.from_config(config)
    return model


def _klein(double: int, single: int, heads: int, joint: int) -> Callable[[], torch.nn.Module]:
    return lambda: Flux2Transformer2DModel(
        num_layers=double,
        num_single_layers=single,
        num_attention_heads=heads,
        joint_attention_dim=joint,
        guidance_embeds=False,
    )


MADE: Mapping[str, tuple[str, Callable[[], torch.nn.Module]]] = {
    "starter": ("qwen_image", _starter),
    "qwen-image": ("qwen_image", QwenImageTransformer2DModel),
    "flux1": ("flux1", lambda: FluxTransformer2DModel(guidance_embeds=True)),
    "flux2-klein-4b": ("flux2", _klein(5, 20, 24, 7680)),
    "flux2-klein-9b": ("flux2", _klein(8, 24, 32, 12288)),
    "flux2-dev": ("flux2", Flux2Transformer2DModel),
    "z-image": ("z_image", ZImageTransformer2DModel),
}
"""As `bench.memory` builds them."""


def linears(model: torch.nn.Module) -> dict[str, Shape]:
    """Return a model's linear layers."""
    return {
        name: (module.out_features, module.in_features)
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear)
    }


def made(name: str) -> dict[str, Shape]:
    """Return the linear layers of a published transformer."""
    with torch.device("meta"):
        return linears(MADE[name][1]())


def _table(name: str) -> str:
    blocks: dict[str, int] = {}
    patterns: dict[str, Shape] = {}
    for module, shape in made(name).items():
        if match := re.match(r"(\w+)\.(\d+)\.", module):
            if match[1] in ("t_embedder", "cap_embedder", "norm_out"):
                patterns[module] = shape
                continue
            blocks[match[1]] = max(blocks.get(match[1], 0), int(match[2]) + 1)
            module = f"{match[1]}.#.{module[match.end() :]}"
        assert patterns.setdefault(module, shape) == shape
    inline = ", ".join(f"{key} = {count}" for key, count in blocks.items())
    lines = [f"[{name}]", f'family = "{MADE[name][0]}"', f"blocks = {{ {inline} }}"]
    lines += ["", f"[{name}.linears]"]
    lines += [f"{_key(module)} = {list(shape)}" for module, shape in patterns.items()]
    return "\n".join(lines) + "\n"


def _key(name: str) -> Any:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else f'"{name}"'


if __name__ == "__main__":
    print("\n".join(map(_table, MADE)))  # noqa: T201
