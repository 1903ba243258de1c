"""Stock diffusers pipelines from a folder of weights, whole or not at all."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from diffusers.utils import logging as diffusers_logging
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors import safe_open
from transformers.utils import logging as transformers_logging

LORA_MODULE = (".lora_down.weight", ".lora_A.weight", ".lora_A.default.weight")


@dataclass(frozen=True, slots=True)
class Kit:
    """The classes of one stock pipeline: `models` hold weights, `tokenizers` words.

    `processors` bring pictures into the form that a model reads. `canvas` and `masked` are
    pipelines of the same parts that paint over a picture, all of it or where a mask is white.
    """

    pipeline: Any
    models: Mapping[str, Any]
    tokenizers: Mapping[str, Any]
    canvas: Any = None
    masked: Any = None
    processors: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parts(self) -> tuple[str, ...]:
        """Return the folders that its weights consist of."""
        return (*self.models, *self.tokenizers, *self.processors, "scheduler")


def load(kits: tuple[Kit, ...], folder: Path, dtype: torch.dtype) -> Any:
    """Load the pipeline that the weights in `folder` name.

    Raises ValueError where it is none of these, or a part is not whole.
    """
    index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    known = {kit.pipeline.__name__: kit for kit in kits}
    named = index["_class_name"]
    if named not in known:
        raise ValueError(f"the weights are a {named}, not a {' or '.join(known)}")
    kit = known[named]
    transformers_logging.disable_progress_bar()
    diffusers_logging.disable_progress_bar()
    pipe = kit.pipeline(
        **{part: load_model(model, folder, dtype, part) for part, model in kit.models.items()},
        **{part: load_tokenizer(words, folder, part) for part, words in kit.tokenizers.items()},
        **{part: load_processor(kind, folder, part) for part, kind in kit.processors.items()},
        scheduler=FlowMatchEulerDiscreteScheduler.from_pretrained(folder, subfolder="scheduler"),
        **_settings(index),
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _settings(index: Mapping[str, Any]) -> dict[str, Any]:
    # Parts are pairs of library and class; what else stands there is the pipeline's own.
    return {
        name: value
        for name, value in index.items()
        if not name.startswith("_") and not isinstance(value, list)
    }


def load_model(kind: Any, folder: Path, dtype: torch.dtype, part: str = "") -> torch.nn.Module:
    """Load one model, all of a folder or a part of it. Raises ValueError unless it is whole."""
    # Both libraries fill missing weights with random ones and only log it.
    model, info = kind.from_pretrained(
        folder,
        subfolder=part,
        local_files_only=True,
        use_safetensors=True,
        output_loading_info=True,
        dtype=dtype,
    )
    for fault in ("missing_keys", "mismatched_keys"):
        if info[fault]:
            named = part or kind.__name__
            raise ValueError(f"{named} has {fault}, {sorted(info[fault], key=str)[0]} first")
    loaded: torch.nn.Module = model
    return loaded


def load_processor(kind: Any, folder: Path, part: str = "") -> Any:
    """Load what brings pictures into the form that a model reads."""
    return kind.from_pretrained(folder, subfolder=part, local_files_only=True)


def load_tokenizer(kind: Any, folder: Path, part: str) -> Any:
    """Load what brings words into the form that a model reads. Raises ValueError if it is empty."""
    tokenizer = kind.from_pretrained(folder, subfolder=part, local_files_only=True)
    # Without its files the library makes an empty one, and every prompt would read as nothing.
    if not tokenizer("a", add_special_tokens=False).input_ids:
        raise ValueError(f"the {part} has no vocabulary")
    return tokenizer


def fuse(pipe: Any, file: Path) -> None:
    """Add a LoRA to the transformer's weights for good. Raises ValueError unless all of it fits."""
    pipe.load_lora_weights(file.parent, weight_name=file.name, use_safetensors=True)
    with safe_open(file, framework="pt") as tensors:
        asked = sum(name.endswith(LORA_MODULE) for name in tensors.keys())  # noqa: SIM118
    taken = sum(isinstance(module, BaseTunerLayer) for module in pipe.transformer.modules())
    # A file in an unknown naming is loaded as nothing at all, with a log line at most.
    if taken != asked or not asked:
        raise ValueError(f"{taken} of the LoRA's {asked} modules fit {file.name}'s base")
    pipe.fuse_lora(safe_fusing=True)
    pipe.unload_lora_weights()
