"""The making of the starter, stage after stage, each resumable in a work folder.

It owns the order of the stages and the files between them; the numbers are the recipe's.
"""

import logging
from collections.abc import Callable, Mapping

import torch
from diffusers import AutoencoderKLQwenImage
from safetensors.torch import load_file, save_file
from transformers import Qwen2_5_VLForConditionalGeneration, Qwen2Tokenizer

from starter import align, denoise, judge, latents, vae
from starter.align import Heads
from starter.latents import LatentPool
from starter.model import (
    build_denoiser,
    build_pipeline,
    build_text_encoder,
    build_vae,
    train_tokenizer,
)
from starter.recipe import Making
from starter.weights import ship

log = logging.getLogger(__name__)

SEED = 0
MATRIX_GAIN = 2.0  # two shallow layers learn sooner from larger first weights


def make_vae(making: Making) -> None:
    """Learn the latents."""
    plan = making.recipe.vae
    pictures = vae.picture_pool(making.catalog, plan.pool, making.recipe.side, making.font, 1)
    torch.manual_seed(SEED)
    model = build_vae()
    vae.learn(model, plan, pictures, making.file("vae.pt"))
    others = vae.picture_pool(making.catalog, 64, making.recipe.side, making.font, 99)
    log.info("vae restores other pictures at %.1f dB", vae.peak_signal(model, others))
    save_file(model.state_dict(), making.file("vae.safetensors"))


def make_text(making: Making) -> None:
    """Learn the tokenizer and the text encoder."""
    plan, speaker = making.recipe.align, making.speaker
    folder = making.file("tokenizer")
    if not folder.exists():
        texts = align.corpus(speaker, plan.corpus, 1)
        train_tokenizer(texts, plan.vocabulary).save_pretrained(folder)
    tokenizer = Qwen2Tokenizer.from_pretrained(folder)
    torch.manual_seed(SEED)
    heads = Heads(build_text_encoder(tokenizer), speaker.catalog)
    for value in heads.encoder.model.language_model.parameters():
        if value.ndim > 1:
            value.data.mul_(MATRIX_GAIN)
    align.learn(heads, tokenizer, speaker, plan, making.font, making.file("align.pt"))
    told = align.held_out_accuracy(heads, tokenizer, speaker, phrasings=6)
    log.info("text encoder tells held-out wishes: %s", told)
    heads.encoder.save_pretrained(making.file("text_encoder"))


def make_latents(making: Making) -> None:
    """Draw and encode what the denoiser learns from."""
    if making.file("latents.pt").exists():
        return
    model = _vae(making, "vae.safetensors")
    pool = latents.build_pool(model, making.catalog, making.recipe.side, making.font)
    state = {"latents": pool.latents, "mean": pool.mean, "std": pool.std}
    torch.save(state, making.file("latents.pt"))


def make_denoiser(making: Making) -> None:
    """Learn to draw."""
    state = torch.load(making.needed("latents.pt"), weights_only=True)
    torch.manual_seed(SEED)
    denoiser = build_denoiser()
    denoise.learn(
        denoiser,
        _text(making),
        LatentPool(**state),
        making.speaker,
        making.recipe.denoise,
        making.file("denoise.pt"),
    )


def make_decoder(making: Making) -> None:
    """Sharpen the decoder; the latents stay as they are."""
    plan = making.recipe.vae
    state = torch.load(making.needed("latents.pt"), weights_only=True)
    model = _vae(making, "vae.safetensors")
    pictures = vae.picture_pool(making.catalog, plan.pool, making.recipe.side, making.font, 3)
    vae.refine(model, plan, pictures, state["std"], making.file("decoder.pt"))
    others = vae.picture_pool(making.catalog, 64, making.recipe.side, making.font, 99)
    log.info("vae restores other pictures at %.1f dB", vae.peak_signal(model, others))


def make_judge(making: Making) -> None:
    """Learn to tell things apart, for evaluation and tests only."""
    catalog, recipe = making.catalog, making.recipe
    torch.manual_seed(SEED)
    model = judge.Judge(len(catalog.things))
    pictures = judge.judged_scenes(catalog, recipe.judge_pictures, making.font, 4)
    judge.learn(model, catalog, recipe.judge, pictures, making.file("judge.pt"))
    judge.save(model, making.judge)


def make_weights(making: Making) -> None:
    """Put the averaged parts together and swap in the folder that ships."""
    state = torch.load(making.needed("latents.pt"), weights_only=True)
    learnt = torch.load(making.needed("denoise.pt"), weights_only=True)
    denoiser = build_denoiser()
    denoiser.load_state_dict(learnt["averaged"])
    model = build_vae(state["mean"].tolist(), state["std"].tolist())
    model.load_state_dict(_vae(making, "vae.safetensors").state_dict())
    if making.file("decoder.pt").exists():
        refined = torch.load(making.file("decoder.pt"), weights_only=True)
        model.load_state_dict(refined["averaged"])
    tokenizer, text_encoder = _text(making)
    facts = {
        "denoiser_steps": learnt["step"],
        "things": [thing.key for thing in making.catalog.things],
        "side": making.recipe.side,
    }
    ship(build_pipeline(tokenizer, text_encoder, denoiser, model), facts, making.target)


STAGES: Mapping[str, Callable[[Making], None]] = {
    "vae": make_vae,
    "text": make_text,
    "latents": make_latents,
    "denoiser": make_denoiser,
    "decoder": make_decoder,
    "judge": make_judge,
    "weights": make_weights,
}


def make(making: Making, stages: tuple[str, ...] = tuple(STAGES)) -> None:
    """Run the named stages in the recipe's order; finished ones cost little."""
    making.work.mkdir(parents=True, exist_ok=True)
    for name, stage in STAGES.items():
        if name in stages:
            log.info("stage %s", name)
            stage(making)


def _vae(making: Making, name: str) -> AutoencoderKLQwenImage:
    model = build_vae()
    model.load_state_dict(load_file(making.needed(name)))
    return model


def _text(making: Making) -> tuple[Qwen2Tokenizer, Qwen2_5_VLForConditionalGeneration]:
    tokenizer = Qwen2Tokenizer.from_pretrained(making.needed("tokenizer"))
    folder = making.needed("text_encoder")
    return tokenizer, Qwen2_5_VLForConditionalGeneration.from_pretrained(folder)
