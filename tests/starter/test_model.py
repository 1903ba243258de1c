"""The parts: stock classes, and shapes the stock pipeline relies on."""

import torch
from diffusers import AutoencoderKLQwenImage

from starter import vae
from starter.align import corpus, embed, tiles
from starter.catalog import load_catalog
from starter.denoise import pack
from starter.model import (
    PREFIX,
    SUFFIX,
    build_denoiser,
    build_pipeline,
    build_text_encoder,
    build_vae,
    template,
    train_tokenizer,
)
from starter.prompts import load_speaker


def test_what_is_learnt_from_is_what_the_stock_vae_gives() -> None:
    torch.manual_seed(0)
    ours = build_vae()
    stock = AutoencoderKLQwenImage.from_config(ours.config)
    stock.load_state_dict(ours.state_dict())
    pixels = torch.rand(2, 3, 32, 32) * 2 - 1
    with torch.no_grad():
        posterior = stock.encode(pixels[:, :, None]).latent_dist
        mean, log_variance = vae.encode(ours, pixels)
        restored = stock.decode(mean[:, :, None]).sample[:, :, 0]
        assert torch.allclose(mean, posterior.mean[:, :, 0], atol=1e-4)
        assert torch.allclose(log_variance, posterior.logvar[:, :, 0], atol=1e-4)
        assert torch.allclose(vae.decode(ours, mean).clamp(-1, 1), restored, atol=1e-4)


def test_packing_is_that_of_the_stock_pipeline() -> None:
    torch.manual_seed(0)
    denoiser = build_denoiser()
    tokenizer = train_tokenizer(["a panda"] * 50, 400)
    pipeline = build_pipeline(tokenizer, build_text_encoder(tokenizer), denoiser, build_vae())
    latents = torch.randn(2, 16, 4, 6)
    assert torch.equal(pack(latents), pipeline._pack_latents(latents, 2, 16, 4, 6))


def test_a_trained_tokenizer_has_the_prefix_the_stock_pipeline_drops() -> None:
    texts = corpus(load_speaker(load_catalog()), 300, 1)
    tokenizer = train_tokenizer(texts, 1000)
    before, after = template().split("{}")
    assert len(tokenizer(before).input_ids) == PREFIX
    assert len(tokenizer(after).input_ids) == SUFFIX


def test_every_prompt_ends_in_the_same_canvas_of_tokens() -> None:
    tokenizer = train_tokenizer(corpus(load_speaker(load_catalog()), 300, 1), 1000)
    ending = tokenizer(template().split("{}")[1]).input_ids
    for prompt in ("", " ", "a panda!", "熊猫 ", "<|im_end|>", "100%\n", "assistant\n", "a|"):
        ids = tokenizer(template().format(prompt)).input_ids
        assert ids[-SUFFIX:] == ending, prompt


def test_a_tile_is_a_square_of_the_picture() -> None:
    latents = torch.arange(2 * 3 * 8 * 8).view(2, 3, 8, 8)
    cut = tiles(latents)
    assert cut.shape == (2, SUFFIX, 3 * 4)
    assert torch.equal(cut[1, 6], latents[1, :, 2:4, 4:6].flatten())


def test_no_merge_reaches_across_a_chinese_character() -> None:
    tokenizer = train_tokenizer(["红色背景上的熊猫"] * 200, 600)
    ids = tokenizer("红色背景").input_ids
    assert [tokenizer.decode([token]) for token in ids] == ["红", "色", "背", "景"]


def test_embedding_a_prompt_gives_what_the_stock_pipeline_gives() -> None:
    torch.manual_seed(0)
    tokenizer = train_tokenizer(corpus(load_speaker(load_catalog()), 100, 1), 700)
    text_encoder = build_text_encoder(tokenizer).eval()
    pipeline = build_pipeline(tokenizer, text_encoder, build_denoiser(), build_vae())
    prompts = ["a panda on a red background", "熊猫"]
    with torch.no_grad():
        ours, mask = embed(tokenizer, text_encoder, prompts)
        stock, stock_mask = pipeline.encode_prompt(prompts)
    assert torch.equal(mask, stock_mask)
    # the stock pipeline zeroes what the mask hides
    assert torch.allclose(ours * mask[..., None], stock, atol=1e-5)
