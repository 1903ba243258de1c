"""The distilled LoRA: four steps without guidance that end where the teacher's twenty end.

It owns the teacher's trajectories, the student's loss and the file that ships; it must not know
how the teacher was trained. The mechanism is that of Qwen-Image-Lightning: a LoRA on every linear
map of the blocks, fused at load.
"""

import logging
import random
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from diffusers import QwenImagePipeline, QwenImageTransformer2DModel
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from torch import Tensor
from tqdm import tqdm

from starter.align import embed
from starter.denoise import LANGUAGES, predict
from starter.fit import Plan, fit
from starter.prompts import Speaker
from starter.wishes import mixed_wishes, vaguer

log = logging.getLogger(__name__)

STUDENT_STEPS = 4
FILE = "starter-lightning-4steps.safetensors"
LINEAR = (
    *("to_q", "to_k", "to_v", "to_out.0", "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out"),
    *("net.0.proj", "net.2", "img_mod.1", "txt_mod.1"),
)


@dataclass(frozen=True, slots=True)
class DistillPlan:
    """How the student is made; the teacher's steps are a multiple of the student's."""

    rank: int
    trajectories: int
    teacher_steps: int
    guidance: float
    batch: int
    learn: Plan


@dataclass(frozen=True, slots=True)
class Trajectories:
    """What the teacher did: prompts, and (N, 5, tokens, 64) latents at the student's levels."""

    prompts: list[str]
    latents: Tensor

    def save(self, path: Path) -> None:
        """Write the trajectories to a file."""
        torch.save({"prompts": self.prompts, "latents": self.latents}, path)


def load_trajectories(path: Path) -> Trajectories:
    """Read trajectories from a file."""
    state = torch.load(path, weights_only=True)
    return Trajectories(state["prompts"], state["latents"])


def prompts_for(speaker: Speaker, count: int, rng: random.Random) -> list[str]:
    """Return prompts of every kind in every language, about scenes that training may show."""
    wishes = mixed_wishes(speaker.catalog, count, rng)
    rng.shuffle(wishes)
    return [speaker.spoken(vaguer(wish, rng), rng.choice(LANGUAGES), rng) for wish in wishes]


def levels(pipeline: QwenImagePipeline, steps: int) -> Tensor:
    """Return the noise levels that a run of so many steps goes through, from 1 to 0."""
    pipeline.scheduler.set_timesteps(sigmas=[1.0 - step / steps for step in range(steps)])
    return torch.as_tensor(pipeline.scheduler.sigmas)


@torch.no_grad()
def teach(
    pipeline: QwenImagePipeline, speaker: Speaker, plan: DistillPlan, side: int
) -> Trajectories:
    """Let the guided teacher draw, and keep where it was at each of the student's levels."""
    prompts = prompts_for(speaker, plan.trajectories, random.Random(21))
    sigmas = levels(pipeline, plan.teacher_steps)
    stride = plan.teacher_steps // STUDENT_STEPS
    generator = torch.Generator().manual_seed(21)
    kept = []
    for start in tqdm(
        range(0, len(prompts), plan.batch), desc="teacher", unit="batch", disable=None
    ):
        part = prompts[start : start + plan.batch]
        noise = torch.randn((len(part), (side // 2) ** 2, 64), generator=generator)
        path_of = _follow(pipeline, part, noise, sigmas, plan.guidance)
        kept.append(torch.stack(path_of[::stride], dim=1).half())
    return Trajectories(prompts, torch.cat(kept))


def _follow(
    pipeline: QwenImagePipeline, prompts: list[str], noise: Tensor, sigmas: Tensor, guidance: float
) -> list[Tensor]:
    """Return every state of a guided run, the noise first, as the stock pipeline computes it."""
    side = 2 * int(noise.shape[1] ** 0.5)
    wanted = embed(pipeline.tokenizer, pipeline.text_encoder, prompts)
    unwanted = embed(pipeline.tokenizer, pipeline.text_encoder, [""] * len(prompts))
    states = [noise]
    for level, following in pairwise(sigmas):
        now, at = states[-1], level.expand(len(prompts))
        towards = predict(pipeline.transformer, now, at, wanted, (side, side))
        away = predict(pipeline.transformer, now, at, unwanted, (side, side))
        guided = away + guidance * (towards - away)
        scale = towards.norm(dim=-1, keepdim=True) / guided.norm(dim=-1, keepdim=True)
        states.append(now + (following - level) * guided * scale)
    return states


def learn(
    pipeline: QwenImagePipeline, taught: Trajectories, plan: DistillPlan, path: Path
) -> QwenImageTransformer2DModel:
    """Train the LoRA to go from each level to the next in one step, and return the denoiser."""
    denoiser = pipeline.transformer.requires_grad_(False)
    denoiser.add_adapter(LoraConfig(r=plan.rank, lora_alpha=plan.rank, target_modules=list(LINEAR)))
    sigmas = levels(pipeline, STUDENT_STEPS)
    side = 2 * int(taught.latents.shape[2] ** 0.5)

    def loss_at(step: int) -> Tensor:
        rng = random.Random(step)
        chosen = rng.choices(range(len(taught.prompts)), k=plan.batch)
        level = torch.tensor([rng.randrange(STUDENT_STEPS) for _ in chosen])
        now, then = (taught.latents[chosen, at].float() for at in (level, level + 1))
        high, low = sigmas[level][:, None, None], sigmas[level + 1][:, None, None]
        with torch.no_grad():
            prompts = [taught.prompts[index] for index in chosen]
            text = embed(pipeline.tokenizer, pipeline.text_encoder, prompts)
        velocity = predict(denoiser, now, sigmas[level], text, (side, side))
        return (velocity - (now - then) / (high - low)).square().mean()

    fit(denoiser, plan.learn, loss_at, path)
    return denoiser


def ship_lora(denoiser: QwenImageTransformer2DModel, folder: Path) -> None:
    """Write the LoRA in half precision."""
    layers = {name: value.half() for name, value in get_peft_model_state_dict(denoiser).items()}
    QwenImagePipeline.save_lora_weights(
        folder, transformer_lora_layers=layers, weight_name=FILE, safe_serialization=True
    )
