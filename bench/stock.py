"""The pipeline as its documentation calls it: what the engine is measured against."""

from collections.abc import Mapping
from typing import Any

import torch
from diffusers import AutoencoderKLQwenImage
from safetensors.torch import load

from engine.families import one_frame, rows
from engine.families.loading import fuse
from engine.families.stock import DTYPES, StockFamily
from engine.request import ImageRequest
from engine.variants.catalog import PROJECT, Variant
from engine.weights.finding import Place, find_lora, find_weights


class Stock:
    """A pipeline of its own, with LoRAs that PEFT switches; one picture at a time."""

    def __init__(
        self,
        variant: Variant,
        family: StockFamily,
        device: str,
        files: Mapping[str, bytes],
        *,
        ours: bool = False,
    ) -> None:
        """Load it; `ours` computes products and decodes as the engine does, to compare all else."""
        place, self._family = Place(PROJECT, offline=True), family
        found = find_weights(variant.weights, family.kits[0].parts, place)
        kind = type(family.pipe)
        self._pipe = kind.from_pretrained(
            found.path, dtype=DTYPES[variant.dtype], local_files_only=True
        )
        if variant.lora:
            fuse(self._pipe, find_lora(variant.lora, place).path)
        self._pipe.scheduler = type(family.pipe.scheduler).from_config(family.pipe.scheduler.config)
        self._pipe.set_progress_bar_config(disable=True)
        if ours:
            rows.apart(self._pipe.transformer)
            if isinstance(self._pipe.vae, AutoencoderKLQwenImage):
                one_frame.flatten(self._pipe.vae)
        self._pipe.to(device)
        for name, content in files.items():
            self._pipe.transformer.load_lora_adapter(load(content), adapter_name=f"l_{name}")

    def draw(self, request: ImageRequest) -> Any:
        """Draw one picture."""
        transformer = self._pipe.transformer
        if request.loras:
            names = [f"l_{use.sha256}" for use in request.loras]
            transformer.set_adapters(names, [use.weight for use in request.loras])
            transformer.enable_lora()
        elif hasattr(transformer, "peft_config"):
            transformer.disable_lora()
        return self._pipe(
            prompt=request.prompt,
            width=request.width,
            height=request.height,
            num_inference_steps=request.steps,
            generator=torch.Generator("cpu").manual_seed(request.seed),
            **self._family.arguments(request),
        ).images[0]
