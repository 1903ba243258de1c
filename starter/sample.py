"""Pictures from the shipped weights, as members get them.

It owns how pictures are asked for; it must not know how they are scored or laid out.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import QwenImagePipeline
from PIL import Image
from torch import Tensor

from engine.families import one_frame
from starter.distill import FILE
from starter.weights import load_starter


@dataclass(frozen=True, slots=True)
class Way:
    """One way to sample: steps, guidance (1 is none), and whether the distilled LoRA is fused."""

    steps: int
    guidance: float = 1.0
    lightning: bool = False


USUAL, TEACHER, LIGHTNING = Way(8, 3.0), Way(20, 3.0), Way(4, lightning=True)
BARE = Way(4)  # what four steps give without the distilled LoRA
WAYS = {"usual": USUAL, "teacher": TEACHER, "lightning": LIGHTNING, "bare": BARE}


@dataclass(frozen=True, slots=True)
class Order:
    """One picture to ask for."""

    prompt: str
    seed: int


def load(weights: Path, lightning: Path, way: Way) -> QwenImagePipeline:
    """Load the pipeline that a way needs, with the VAE that the engine decodes with."""
    pipeline = load_starter(weights)
    one_frame.flatten(pipeline.vae)
    if way.lightning:
        pipeline.load_lora_weights(lightning, weight_name=FILE)
        pipeline.fuse_lora()
        pipeline.unload_lora_weights()
    return pipeline


def sample(
    pipeline: QwenImagePipeline, orders: list[Order], way: Way, side: int, batch: int
) -> list[Image.Image]:
    """Draw the orders in batches, each from its own seed."""
    pictures: list[Image.Image] = []
    for start in range(0, len(orders), batch):
        part = orders[start : start + batch]
        guided = way.guidance > 1
        pictures += pipeline(
            prompt=[order.prompt for order in part],
            negative_prompt=[""] * len(part) if guided else None,
            true_cfg_scale=way.guidance,
            num_inference_steps=way.steps,
            height=side,
            width=side,
            generator=[torch.Generator().manual_seed(order.seed) for order in part],
        ).images
    return pictures


def as_tensor(pictures: list[Image.Image]) -> Tensor:
    """Return pictures of one size as (B, 3, H, W) in 0..1."""
    stacked = np.stack([np.asarray(picture.convert("RGB")) for picture in pictures])
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).float() / 255
