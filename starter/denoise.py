"""The training of the denoiser on settled latents and a settled text encoder.

It owns the noise levels and the loss; it must not know how pictures are drawn.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import QwenImageTransformer2DModel
from torch import Tensor
from transformers import Qwen2_5_VLForConditionalGeneration, Qwen2Tokenizer

from starter.align import embed
from starter.catalog import Language
from starter.fit import Plan, fit
from starter.latents import Kind, LatentPool
from starter.prompts import Speaker
from starter.wishes import Wish, vaguer

EMPTY = ("", " ")  # what a negative prompt may be; both must mean "no wish"
EMPTY_SHARE = 0.1
NOISY_SHARE = 0.2  # by batch, not by prompt: one long prompt makes the whole batch long
HIGH_SHARE = 0.25  # text is learnt at high noise only: lower down the picture already says it all
LANGUAGES = (Language.EN, Language.EN, Language.ZH, Language.ZH, Language.TW, Language.MIXED)
NARROW_SHARE = 0.16  # by batch: all pictures of a batch have one shape
SHARES: Mapping[Kind, float] = {
    Kind.ALONE: 0.52,
    Kind.COUNTED: 0.16,
    Kind.PAIRED: 0.22,
    Kind.STYLED: 0.10,
}


@dataclass(frozen=True, slots=True)
class DenoisePlan:
    """How the denoiser is trained."""

    batch: int
    learn: Plan


@dataclass(frozen=True, slots=True)
class Draws:
    """What one batch is made of: (B, C, H, W) latents, prompts and noise levels."""

    latents: Tensor
    prompts: list[str]
    sigmas: Tensor


def pack(latents: Tensor) -> Tensor:
    """Turn (B, C, H, W) latents into the tokens of the stock pipeline, 2 x 2 patches by row."""
    batch, channels, height, width = latents.shape
    patches = latents.view(batch, channels, height // 2, 2, width // 2, 2)
    return patches.permute(0, 2, 4, 1, 3, 5).reshape(batch, height * width // 4, channels * 4)


def learn(
    denoiser: QwenImageTransformer2DModel,
    text: tuple[Qwen2Tokenizer, Qwen2_5_VLForConditionalGeneration],
    pool: LatentPool,
    speaker: Speaker,
    plan: DenoisePlan,
    path: Path,
) -> None:
    """Train the denoiser by plain flow matching: predict noise minus picture."""

    def loss_at(step: int) -> Tensor:
        draws = _draw(pool, speaker, plan, step)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            states, mask = embed(*text, draws.prompts)
        states = states.float()
        clean = pack(draws.latents)
        noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(step))
        sigma = draws.sigmas[:, None, None]
        noisy = (1 - sigma) * clean + sigma * noise
        velocity = predict(denoiser, noisy, draws.sigmas, (states, mask), draws.latents.shape[-2:])
        return (velocity - (noise - clean)).square().mean()

    fit(denoiser, plan.learn, loss_at, path)


def predict(
    denoiser: QwenImageTransformer2DModel,
    noisy: Tensor,
    sigmas: Tensor,
    text: tuple[Tensor, Tensor],
    latent_size: Sequence[int],
) -> Tensor:
    """Return the velocity of (B, tokens, 64) noisy latents of the given height and width."""
    height, width = latent_size
    # bfloat16 runs half again as fast here; the weights themselves stay in float32
    with torch.autocast("cpu", torch.bfloat16):
        velocity: Tensor = denoiser(
            hidden_states=noisy,
            timestep=sigmas,
            encoder_hidden_states=text[0],
            encoder_hidden_states_mask=text[1],
            img_shapes=[[(1, height // 2, width // 2)]] * len(noisy),
            return_dict=False,
        )[0]
    return velocity.float()


def _draw(pool: LatentPool, speaker: Speaker, plan: DenoisePlan, step: int) -> Draws:
    rng = random.Random(step)
    kinds = rng.choices(tuple(SHARES), weights=tuple(SHARES.values()), k=plan.batch)
    if rng.random() < NARROW_SHARE:
        kinds = [rng.choice((Kind.TALL, Kind.WIDE))] * plan.batch
    noisy = rng.random() < NOISY_SHARE
    latents, prompts = [], []
    for kind in kinds:
        group = pool.groups[kind]
        index = rng.randrange(len(group.wishes))
        latents.append(group.latents[index, rng.randrange(group.latents.shape[1])])
        prompts.append(_prompt(speaker, group.wishes[index], noisy=noisy, rng=rng))
    sigmas = torch.tensor([_sigma(rng) for _ in kinds])
    return Draws(torch.stack(latents).float(), prompts, sigmas)


def _prompt(speaker: Speaker, wish: Wish, *, noisy: bool, rng: random.Random) -> str:
    if rng.random() < EMPTY_SHARE:
        return rng.choice(EMPTY)
    return speaker.spoken(vaguer(wish, rng), rng.choice(LANGUAGES), rng, noisy=noisy)


def _sigma(rng: random.Random) -> float:
    if rng.random() < HIGH_SHARE:
        return rng.uniform(0.8, 1.0)
    return float(torch.sigmoid(torch.tensor(rng.gauss(1.3, 1.1))))
