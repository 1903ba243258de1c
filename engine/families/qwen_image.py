"""Qwen-Image on the stock diffusers pipeline: loading, one picture at a time, previews.

The pipeline and its models run unpatched; all that is particular to the architecture is here.
"""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKLQwenImage,
    FlowMatchEulerDiscreteScheduler,
    QwenImagePipeline,
    QwenImageTransformer2DModel,
)
from diffusers.utils import logging as diffusers_logging
from peft.tuners.tuners_utils import BaseTunerLayer
from PIL import Image
from safetensors import safe_open
from torch.nn.functional import interpolate
from transformers import Qwen2_5_VLForConditionalGeneration, Qwen2Tokenizer
from transformers.utils import logging as transformers_logging

from engine import errors
from engine.catalog import Variant
from engine.family import AfterStep
from engine.request import ImageRequest
from engine.weights import Place, find_lora, find_weights, joined_digest

MODELS = {
    "text_encoder": Qwen2_5_VLForConditionalGeneration,
    "transformer": QwenImageTransformer2DModel,
    "vae": AutoencoderKLQwenImage,
}
PARTS = (*MODELS, "tokenizer", "scheduler")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
LORA_MODULE = (".lora_down.weight", ".lora_A.weight", ".lora_A.default.weight")

TOKEN_LIMIT = 1024
"""Tokens the pipeline reads after its template; its own default would cut at 512 in silence."""
TEXT_TOKENS = TOKEN_LIMIT - 8
"""Tokens left to a member's text: the template closes with a handful more."""
PREVIEW_SIDES = (8, 32)
"""Bounds of a preview's longer side in latents, else half the picture's: 64 to 256 pixels."""


class QwenImage:
    """One variant's pipeline on a device."""

    packages = ("torch", "diffusers", "transformers", "peft")

    def __init__(self, variant: Variant, device: str, place: Place) -> None:
        found = find_weights(variant.weights, PARTS, place)
        digests = [found.digest]
        pipe = _pipeline(found.path, DTYPES[variant.dtype]).to(device)
        if variant.lora:
            lora = find_lora(variant.lora, place)
            digests.append(lora.digest)
            _fuse(pipe, lora.path)
        if variant.scheduler:
            pipe.scheduler = FlowMatchEulerDiscreteScheduler(**variant.scheduler)
        self._pipe = pipe
        self.weights_digest = joined_digest(digests)
        self.scheduler = _plain(pipe.scheduler.config)

    def draw(self, request: ImageRequest, after_step: AfterStep) -> Image.Image:
        """Draw one picture in a forward of its own, from noise made on the CPU."""
        pipe = self._pipe
        _check(pipe, request)
        # Schedulers keep state while they step; none of a cancelled picture's may reach the next.
        pipe.scheduler = FlowMatchEulerDiscreteScheduler.from_config(pipe.scheduler.config)
        noise = _noise(pipe, request)
        picture: Image.Image = pipe(
            prompt=request.prompt,
            width=request.width,
            height=request.height,
            num_inference_steps=request.steps,
            latents=noise,
            max_sequence_length=TOKEN_LIMIT,
            callback_on_step_end=_Steps(noise, request, after_step),
            **_guidance(request),
        ).images[0]
        return picture


class _Steps:
    """Follows one picture through the pipeline's callback and reports each step."""

    def __init__(self, noise: torch.Tensor, request: ImageRequest, report: AfterStep) -> None:
        self._latents = noise
        self._request = request
        self._report = report

    def __call__(
        self, pipe: QwenImagePipeline, index: int, _timestep: torch.Tensor, values: dict[str, Any]
    ) -> dict[str, Any]:
        before, self._latents = self._latents, values["latents"]
        sigmas = pipe.scheduler.sigmas[index : index + 2]
        clean = partial(_clean, before, self._latents, sigmas)
        self._report(index + 1, lambda: _preview(pipe, clean(), self._request))
        return {}


def _pipeline(folder: Path, dtype: torch.dtype) -> QwenImagePipeline:
    named = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))["_class_name"]
    if named != QwenImagePipeline.__name__:
        raise ValueError(f"the weights are a {named}, not a {QwenImagePipeline.__name__}")
    transformers_logging.disable_progress_bar()
    diffusers_logging.disable_progress_bar()
    pipe = QwenImagePipeline(
        **{part: _model(part, folder, dtype) for part in MODELS},
        tokenizer=_tokenizer(folder),
        scheduler=FlowMatchEulerDiscreteScheduler.from_pretrained(folder, subfolder="scheduler"),
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _model(part: str, folder: Path, dtype: torch.dtype) -> torch.nn.Module:
    # Both libraries fill missing weights with random ones and only log it.
    model, info = MODELS[part].from_pretrained(
        folder,
        subfolder=part,
        local_files_only=True,
        use_safetensors=True,
        output_loading_info=True,
        dtype=dtype,
    )
    for fault in ("missing_keys", "mismatched_keys"):
        if info[fault]:
            raise ValueError(f"{part} has {fault}, {sorted(info[fault], key=str)[0]} first")
    loaded: torch.nn.Module = model
    return loaded


def _tokenizer(folder: Path) -> Qwen2Tokenizer:
    tokenizer = Qwen2Tokenizer.from_pretrained(folder, subfolder="tokenizer")
    # Without its files the library makes an empty one, and every prompt would read as nothing.
    if not tokenizer("a").input_ids:
        raise ValueError("the tokenizer has no vocabulary")
    return tokenizer


def _fuse(pipe: QwenImagePipeline, file: Path) -> None:
    pipe.load_lora_weights(file.parent, weight_name=file.name, use_safetensors=True)
    with safe_open(file, framework="pt") as tensors:
        asked = sum(name.endswith(LORA_MODULE) for name in tensors.keys())  # noqa: SIM118
    taken = sum(isinstance(module, BaseTunerLayer) for module in pipe.transformer.modules())
    # A file in an unknown naming is loaded as nothing at all, with a log line at most.
    if taken != asked or not asked:
        raise ValueError(f"{taken} of the LoRA's {asked} modules fit {file.name}'s base")
    pipe.fuse_lora(safe_fusing=True)
    pipe.unload_lora_weights()


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    # The version that wrote the file and the list of untouched defaults decide no pixel.
    skipped = ("_diffusers_version", "_use_default_values", "_name_or_path")
    return {
        "class": FlowMatchEulerDiscreteScheduler.__name__,
        **{name: value for name, value in config.items() if name not in (*skipped, "_class_name")},
    }


def _check(pipe: QwenImagePipeline, request: ImageRequest) -> None:
    multiple = pipe.vae_scale_factor * 2
    if request.width % multiple or request.height % multiple:
        # The pipeline would round down and log; the recipe would then lie.
        choices = f"multiples of {multiple}"
        raise errors.SizeUnsupported(width=request.width, height=request.height, choices=choices)
    for text in (request.prompt, request.negative):
        tokens = len(pipe.tokenizer(text).input_ids)
        if tokens > TEXT_TOKENS:
            raise errors.PromptTooLong(length=len(text), limit=len(text) * TEXT_TOKENS // tokens)


def _noise(pipe: QwenImagePipeline, request: ImageRequest) -> torch.Tensor:
    noise: torch.Tensor = pipe.prepare_latents(
        1,
        pipe.transformer.config.in_channels // 4,
        request.height,
        request.width,
        pipe.text_encoder.dtype,
        pipe.device,
        torch.Generator("cpu").manual_seed(request.seed),
    )
    return noise


def _guidance(request: ImageRequest) -> dict[str, Any]:
    if request.guidance <= 1:
        return {"true_cfg_scale": 1.0}
    return {"true_cfg_scale": request.guidance, "negative_prompt": request.negative or " "}


def _clean(before: torch.Tensor, after: torch.Tensor, sigmas: torch.Tensor) -> torch.Tensor:
    # A step moves along x0 + sigma * (noise - x0), so two points of it tell where sigma is 0.
    slope = (after.float() - before.float()) / (sigmas[1] - sigmas[0])
    return after.float() - sigmas[1] * slope


@torch.no_grad()
def _preview(pipe: QwenImagePipeline, packed: torch.Tensor, request: ImageRequest) -> Image.Image:
    """Decode the estimated picture, averaged down in latents; reads state and changes none."""
    size = (request.height, request.width)
    latents = pipe._unpack_latents(packed, *size, pipe.vae_scale_factor)[:, :, 0]
    longer = max(latents.shape[-2:])
    least, most = PREVIEW_SIDES
    side = min(longer, max(least, min(most, longer // 2)))
    small = interpolate(latents, scale_factor=side / longer, mode="area")[:, :, None]
    mean, std = (
        torch.tensor(values, device=small.device).view(1, -1, 1, 1, 1)
        for values in (pipe.vae.config.latents_mean, pipe.vae.config.latents_std)
    )
    decoded = pipe.vae.decode((small * std + mean).to(pipe.vae.dtype)).sample[:, :, 0]
    picture: Image.Image = pipe.image_processor.postprocess(decoded, output_type="pil")[0]
    return picture
