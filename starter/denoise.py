"""The training of the denoiser on settled latents and a settled text encoder.

It owns the noise levels and the loss; it must not know how pictures are drawn.
"""

import random
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import QwenImageTransformer2DModel
from torch import Tensor
from transformers import Qwen2_5_VLForConditionalGeneration, Qwen2Tokenizer

from starter.align import embed
from starter.catalog import Language
from starter.fit import Plan, fit
from starter.latents import LatentPool
from starter.prompts import Speaker, Wish

EMPTY = ("", " ")  # what a negative prompt may be; both must mean "no wish"
EMPTY_SHARE = 0.1
NOISY_SHARE = 0.2  # by batch, not by prompt: one long prompt makes the whole batch long
HIGH_SHARE = 0.25  # text is learnt at high noise only: lower down the picture already says it all
LANGUAGES = (Language.EN, Language.EN, Language.ZH, Language.ZH, Language.TW, Language.MIXED)


@dataclass(frozen=True, slots=True)
class DenoisePlan:
    """How the denoiser is trained: on fewer poses as it goes on."""

    batch: int
    poses: tuple[tuple[int, tuple[int, ...]], ...]  # (up to this step, from these)
    learn: Plan

    def poses_at(self, step: int) -> tuple[int, ...]:
        """Return the poses that a step draws from."""
        return next(poses for until, poses in self.poses if step < until)


@dataclass(frozen=True, slots=True)
class Draws:
    """What one batch is made of: packed latents, prompts and noise levels."""

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
    side = pool.latents.shape[-1] // 2

    def loss_at(step: int) -> Tensor:
        draws = _draw(pool, speaker, plan, step)
        with torch.no_grad():
            states, mask = embed(*text, draws.prompts)
        generator = torch.Generator().manual_seed(step)
        noise = torch.randn(draws.latents.shape, generator=generator)
        sigma = draws.sigmas[:, None, None]
        # bfloat16 runs half again as fast here; the weights themselves stay in float32
        with torch.autocast("cpu", torch.bfloat16):
            velocity = denoiser(
                hidden_states=(1 - sigma) * draws.latents + sigma * noise,
                timestep=draws.sigmas,
                encoder_hidden_states=states,
                encoder_hidden_states_mask=mask,
                img_shapes=[[(1, side, side)]] * plan.batch,
                return_dict=False,
            )[0]
        miss: Tensor = velocity.float() - (noise - draws.latents)
        return miss.square().mean()

    fit(denoiser, plan.learn, loss_at, path)


def _draw(pool: LatentPool, speaker: Speaker, plan: DenoisePlan, step: int) -> Draws:
    rng = random.Random(step)
    seen = speaker.catalog.seen()
    pairs = [rng.randrange(len(seen)) for _ in range(plan.batch)]
    poses = plan.poses_at(step)
    latents = [pool.of_pair(pair, rng.choice(poses)) for pair in pairs]
    noisy = rng.random() < NOISY_SHARE
    return Draws(
        latents=pack(torch.stack(latents)),
        prompts=[_prompt(speaker, seen[pair], noisy, rng) for pair in pairs],
        sigmas=torch.tensor([_sigma(rng) for _ in range(plan.batch)]),
    )


def _prompt(speaker: Speaker, pair: tuple[int, int], noisy: bool, rng: random.Random) -> str:
    if rng.random() < EMPTY_SHARE:
        return rng.choice(EMPTY)
    thing, background = pair
    unsaid = rng.random()
    wish = Wish(
        thing=None if unsaid < 0.05 else thing,
        background=None if unsaid < 0.02 or unsaid > 0.9 else background,
    )
    return speaker.spoken(wish, rng.choice(LANGUAGES), rng, noisy=noisy)


def _sigma(rng: random.Random) -> float:
    if rng.random() < HIGH_SHARE:
        return rng.uniform(0.8, 1.0)
    return float(torch.sigmoid(torch.tensor(rng.gauss(1.3, 1.1))))
