"""The making of the starter, stage after stage, each resumable in a work folder.

It owns the order of the stages and the files between them; the numbers are the recipe's.
"""

import logging
from collections.abc import Callable, Mapping

import torch
import torch.distributed as dist
from diffusers import AutoencoderKLQwenImage
from safetensors.torch import load_file, save_file
from transformers import Qwen2_5_VLForConditionalGeneration, Qwen2Tokenizer

from starter import align, denoise, distill, judge, latents, vae
from starter.align import Heads
from starter.fit import leading
from starter.model import (
    LATENT_STRIDE,
    build_denoiser,
    build_pipeline,
    build_text_encoder,
    build_vae,
    train_tokenizer,
)
from starter.recipe import Making
from starter.weights import load_starter, ship

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
    if leading():
        save_file(model.state_dict(), making.file("vae.safetensors"))


def make_latents(making: Making) -> None:
    """Draw and encode what the text encoder and the denoiser learn from."""
    if making.file("latents.pt").exists():
        return
    model, recipe = _vae(making, "vae.safetensors"), making.recipe
    pool = latents.build_pool(model, making.catalog, recipe.pool, recipe.side, making.font)
    pool.save(making.file("latents.pt"))


def make_tokenizer(making: Making) -> None:
    """Learn the words' pieces from prompts of all languages."""
    plan, folder = making.recipe.align, making.file("tokenizer")
    if not folder.exists():
        texts = align.corpus(making.speaker, plan.corpus, 1)
        train_tokenizer(texts, plan.vocabulary).save_pretrained(folder)


def make_text(making: Making) -> None:
    """Learn the text encoder."""
    plan, speaker = making.recipe.align, making.speaker
    pool = latents.load_pool(making.needed("latents.pt"))
    tokenizer = Qwen2Tokenizer.from_pretrained(making.needed("tokenizer"))
    torch.manual_seed(SEED)
    side = making.recipe.side // LATENT_STRIDE
    heads = Heads(build_text_encoder(tokenizer), speaker.catalog, side)
    for value in heads.encoder.model.language_model.parameters():
        if value.ndim > 1:
            value.data.mul_(MATRIX_GAIN)
    align.learn(heads, tokenizer, speaker, plan, pool, making.file("align.pt"))
    told = align.held_out_accuracy(heads, tokenizer, speaker, phrasings=6)
    log.info("text encoder tells held-out wishes: %s", told)
    if leading():
        heads.encoder.save_pretrained(making.file("text_encoder"))


def make_denoiser(making: Making) -> None:
    """Learn to draw."""
    torch.manual_seed(SEED)
    denoiser = build_denoiser()
    denoise.learn(
        denoiser,
        _text(making),
        latents.load_pool(making.needed("latents.pt")),
        making.speaker,
        making.recipe.denoise,
        making.file("denoise.pt"),
    )


def make_decoder(making: Making) -> None:
    """Sharpen the decoder; the latents stay as they are."""
    plan = making.recipe.vae
    std = latents.load_pool(making.needed("latents.pt")).std
    model = _vae(making, "vae.safetensors")
    pictures = vae.picture_pool(making.catalog, plan.pool, making.recipe.side, making.font, 3)
    vae.refine(model, plan, pictures, std, making.file("decoder.pt"))
    others = vae.picture_pool(making.catalog, 64, making.recipe.side, making.font, 99)
    log.info("vae restores other pictures at %.1f dB", vae.peak_signal(model, others))


def make_judge(making: Making) -> None:
    """Draw the scenes that evaluation and tests compare with."""
    if making.judge.exists():
        return
    judge.save(judge.build_bank(making.catalog, making.recipe.side, making.font), making.judge)


def make_weights(making: Making) -> None:
    """Put the averaged parts together and swap in the folder that ships."""
    pool = latents.load_pool(making.needed("latents.pt"))
    learnt = torch.load(making.needed("denoise.pt"), weights_only=True)
    denoiser = build_denoiser()
    denoiser.load_state_dict(learnt["averaged"])
    model = build_vae(pool.mean.tolist(), pool.std.tolist())
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


def make_teacher(making: Making) -> None:
    """Let the folder that ships draw with guidance, for the LoRA to learn from."""
    plan, side = making.recipe.distill, making.recipe.side // LATENT_STRIDE
    path = making.file("teacher.pt")
    if not path.exists():
        distill.teach(load_starter(making.target), making.speaker, plan, side).save(path)


def make_lightning(making: Making) -> None:
    """Distil the LoRA that draws in four steps."""
    pipeline = load_starter(making.target)
    taught = distill.load_trajectories(making.needed("teacher.pt"))
    torch.manual_seed(SEED)
    plan, path = making.recipe.distill, making.file("lightning.pt")
    denoiser = distill.learn(pipeline, taught, plan, path)
    if leading():
        distill.ship_lora(denoiser, making.lightning)


Stage = Callable[[Making], None]
TRAINING: Mapping[str, Stage] = {
    "vae": make_vae,
    "latents": make_latents,
    "tokenizer": make_tokenizer,
    "text": make_text,
    "denoiser": make_denoiser,
    "decoder": make_decoder,
    "judge": make_judge,
    "weights": make_weights,
}
DISTILLING: Mapping[str, Stage] = {"teacher": make_teacher, "lightning": make_lightning}
LEARNING = {"vae", "text", "denoiser", "decoder", "lightning"}  # these share work between processes


def make(making: Making, stages: Mapping[str, Stage]) -> None:
    """Run stages in their order; finished ones cost little."""
    making.work.mkdir(parents=True, exist_ok=True)
    for name, stage in stages.items():
        log.info("stage %s", name)
        if name in LEARNING or leading():
            stage(making)
        if dist.is_initialized():
            dist.barrier()


def _vae(making: Making, name: str) -> AutoencoderKLQwenImage:
    model = build_vae()
    model.load_state_dict(load_file(making.needed(name)))
    return model


def _text(making: Making) -> tuple[Qwen2Tokenizer, Qwen2_5_VLForConditionalGeneration]:
    tokenizer = Qwen2Tokenizer.from_pretrained(making.needed("tokenizer"))
    folder = making.needed("text_encoder")
    return tokenizer, Qwen2_5_VLForConditionalGeneration.from_pretrained(folder)
