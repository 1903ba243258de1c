"""The training of the VAE: both halves first, then the decoder alone on settled latents.

It owns the losses and the pictures the VAE learns from; it must not know prompts. After `learn`
the latents never change again, so the decoder may be refined while later stages already run.
"""

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLQwenImage
from torch import Tensor

from starter.catalog import Catalog
from starter.fit import Plan, fit
from starter.scenes import POSES, compose, draw, loose_scene
from starter.wishes import mixed_wishes

OTHER_GLYPHS = tuple(map(chr, (*range(0x1F330, 0x1F37C), *range(0x1F400, 0x1F43E))))
OTHER_SHARE = 0.2  # other glyphs and colours, so that pictures outside the catalog survive the VAE
EDGE_WEIGHT = 0.5
KL_WEIGHT = 1e-4
OFF_BY = 0.15  # how far, in deviations, refined latents are pushed


@dataclass(frozen=True, slots=True)
class VaePlan:
    """How the VAE is trained: crops for most of the time, whole pictures at the end."""

    pool: int
    crop: int
    crops: int
    whole: int
    crops_until: float
    learn: Plan
    refine: Plan


def picture_pool(catalog: Catalog, count: int, side: int, font: Path, seed: int) -> Tensor:
    """Draw `count` scenes: what training may see, and some other glyphs, as uint8 (N, 3, H, W)."""
    rng = random.Random(seed)
    pictures = []
    for wish in mixed_wishes(catalog, count, rng):
        scene = compose(wish, catalog, rng.choice(POSES))
        if rng.random() < OTHER_SHARE:
            rgb = (rng.randrange(256), rng.randrange(256), rng.randrange(256))
            scene = loose_scene(rng, rng.choice(OTHER_GLYPHS), rgb)
        pictures.append(draw(scene, side, font))
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)


def to_signed(pictures: Tensor) -> Tensor:
    """Turn uint8 pixels into floats in -1..1."""
    return pictures.float() / 127.5 - 1.0


def encode(vae: AutoencoderKLQwenImage, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean and log-variance of the latents of (B, 3, H, W) pixels in -1..1."""
    moments: Tensor = vae.quant_conv(vae.encoder(pixels[:, :, None]))[:, :, 0]
    mean, log_variance = moments.chunk(2, dim=1)
    return mean, log_variance.clamp(-30.0, 20.0)


def decode(vae: AutoencoderKLQwenImage, latents: Tensor) -> Tensor:
    """Return (B, 3, H, W) pixels of raw latents, not clamped, so that all of them still learn."""
    pixels: Tensor = vae.decoder(vae.post_quant_conv(latents[:, :, None]))[:, :, 0]
    return pixels


def learn(vae: AutoencoderKLQwenImage, plan: VaePlan, pool: Tensor, path: Path) -> None:
    """Train encoder and decoder together."""

    def loss_at(step: int) -> Tensor:
        pixels = _batch(plan, pool, step)
        mean, log_variance = encode(vae, pixels)
        noise = torch.randn(mean.shape, generator=_generator(step, 1))
        restored = decode(vae, mean + noise * torch.exp(0.5 * log_variance))
        spread = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).mean()
        return _difference(restored, pixels) + KL_WEIGHT * spread

    fit(vae, plan.learn, loss_at, path)


def _generator(step: int, stream: int) -> torch.Generator:
    return torch.Generator().manual_seed(step * 16 + stream)


def _batch(plan: VaePlan, pool: Tensor, step: int) -> Tensor:
    rng = random.Random(step)
    if step >= plan.crops_until * plan.learn.steps:
        return to_signed(pool[rng.choices(range(len(pool)), k=plan.whole)])
    room = pool.shape[-1] - plan.crop
    crops = []
    for _ in range(plan.crops):
        # the middle of the range is drawn more often: borders are plain colour
        top, left = (round(room * (rng.random() + rng.random()) / 2) for _ in range(2))
        picture = pool[rng.randrange(len(pool))]
        crops.append(picture[:, top : top + plan.crop, left : left + plan.crop])
    return to_signed(torch.stack(crops))


def _difference(restored: Tensor, pixels: Tensor) -> Tensor:
    across = F.l1_loss(restored.diff(dim=-1), pixels.diff(dim=-1))
    down = F.l1_loss(restored.diff(dim=-2), pixels.diff(dim=-2))
    return F.l1_loss(restored, pixels) + EDGE_WEIGHT * (across + down)


def peak_signal(vae: AutoencoderKLQwenImage, pictures: Tensor) -> float:
    """Return the mean PSNR in dB of pictures through the VAE."""
    with torch.no_grad():
        pixels = to_signed(pictures)
        restored = decode(vae, encode(vae, pixels)[0]).clamp(-1, 1)
        error = ((restored - pixels) / 2).square().mean(dim=(1, 2, 3))
    return float((-10 * torch.log10(error)).mean())


def refine(
    vae: AutoencoderKLQwenImage, plan: VaePlan, pool: Tensor, std: Tensor, path: Path
) -> None:
    """Train the decoder on, with the encoder frozen, on latents a little off like sampled ones."""
    vae.requires_grad_(False)
    vae.decoder.requires_grad_(True)
    vae.post_quant_conv.requires_grad_(True)
    latents = _encoded(vae, pool)
    width = std.view(1, -1, 1, 1)

    def loss_at(step: int) -> Tensor:
        rng = random.Random(step)
        chosen = rng.choices(range(len(pool)), k=plan.whole)
        noise = torch.randn(latents[chosen].shape, generator=_generator(step, 2))
        off = noise * width * rng.uniform(0.0, OFF_BY)
        return _difference(decode(vae, latents[chosen] + off), to_signed(pool[chosen]))

    fit(vae, plan.refine, loss_at, path)


def _encoded(vae: AutoencoderKLQwenImage, pool: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.cat([encode(vae, to_signed(part))[0] for part in torch.split(pool, 16)])
