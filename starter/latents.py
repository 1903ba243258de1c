"""The pictures the denoiser learns from, drawn once and kept as latents.

It owns the pool and its scale; it must not know prompts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLQwenImage
from torch import Tensor

from starter import flat
from starter.catalog import Catalog
from starter.scenes import Pixels, draw, poses
from starter.vae import to_signed

BATCH = 16
POSES = len(poses(0, 0))


@dataclass(frozen=True, slots=True)
class LatentPool:
    """Scaled latents of every pose of every seen pair, pair by pair."""

    latents: Tensor
    mean: Tensor
    std: Tensor

    def of_pair(self, pair: int, pose: int) -> Tensor:
        """Return the latent of one pose of a seen pair, as floats."""
        return self.latents[pair * POSES + pose].float()


def build_pool(vae: AutoencoderKLQwenImage, catalog: Catalog, side: int, font: Path) -> LatentPool:
    """Draw and encode the pool; the mean and deviation of each channel become the VAE's scale."""
    scenes = _scenes(catalog, side, font)
    rows = []
    with torch.no_grad():
        while pictures := list(islice(scenes, BATCH)):
            pixels = to_signed(torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2))
            rows.append(flat.encode(vae, pixels)[0])
    latents = torch.cat(rows)
    mean, std = latents.mean(dim=(0, 2, 3)), latents.std(dim=(0, 2, 3))
    scaled = (latents - mean.view(1, -1, 1, 1)) / std.view(1, -1, 1, 1)
    return LatentPool(scaled.half(), mean, std)


def _scenes(catalog: Catalog, side: int, font: Path) -> Iterator[Pixels]:
    for thing, background in catalog.seen():
        emoji, rgb = catalog.things[thing].emoji, catalog.backgrounds[background].rgb
        for scene in poses(thing, background):
            yield draw(scene, emoji, rgb, side, font)
