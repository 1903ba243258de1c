"""The pictures the denoiser learns from, drawn once and kept as latents.

It owns the pool and its scale; it must not know prompts. Many placements of every seen pair are
kept, or the denoiser learns pictures by heart instead of things.
"""

import random
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
from starter.scenes import Pixels, draw, random_scene
from starter.vae import to_signed

BATCH = 16


@dataclass(frozen=True, slots=True)
class LatentPool:
    """Scaled latents of `placements` scenes for each seen pair, pair by pair."""

    latents: Tensor
    mean: Tensor
    std: Tensor
    placements: int

    def of_pair(self, pair: int, placement: int) -> Tensor:
        """Return one latent of a seen pair, as floats."""
        return self.latents[pair * self.placements + placement].float()


def build_pool(
    vae: AutoencoderKLQwenImage, catalog: Catalog, placements: int, side: int, font: Path
) -> LatentPool:
    """Draw and encode the pool; the mean and deviation of each channel become the VAE's scale."""
    scenes = _scenes(catalog, placements, side, font)
    rows = []
    with torch.no_grad():
        while pictures := list(islice(scenes, BATCH)):
            pixels = to_signed(torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2))
            rows.append(flat.encode(vae, pixels)[0])
    latents = torch.cat(rows)
    mean, std = latents.mean(dim=(0, 2, 3)), latents.std(dim=(0, 2, 3))
    scaled = (latents - mean.view(1, -1, 1, 1)) / std.view(1, -1, 1, 1)
    return LatentPool(scaled.half(), mean, std, placements)


def _scenes(catalog: Catalog, placements: int, side: int, font: Path) -> Iterator[Pixels]:
    rng = random.Random(2)  # noqa: S311 (reproducible pictures, not secrets)
    for thing, background in catalog.seen():
        for _ in range(placements):
            scene = random_scene(rng, thing, background)
            rgb = catalog.backgrounds[background].rgb
            yield draw(scene, catalog.things[thing].emoji, rgb, side, font)
