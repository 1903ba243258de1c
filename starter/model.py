"""The starter's parts: stock Qwen-Image classes at a tiny size.

It owns the shapes and the first values of the weights, and must not know how they are trained.
"""

import json
import math
from collections.abc import Iterable

import torch
from diffusers import (
    AutoencoderKLQwenImage,
    FlowMatchEulerDiscreteScheduler,
    QwenImagePipeline,
    QwenImageTransformer2DModel,
)
from diffusers.models.autoencoders.autoencoder_kl_qwenimage import QwenImageCausalConv3d
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    AddedToken,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
)
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

from engine.families import one_frame

Z_DIM = 16
LATENT_STRIDE = 8
WIDTH = 192


def build_vae(
    latents_mean: list[float] | None = None, latents_std: list[float] | None = None
) -> AutoencoderKLQwenImage:
    """Return a small VAE for lone frames, initialised by the fan-in that these meet."""
    vae = AutoencoderKLQwenImage(
        base_dim=16,
        z_dim=Z_DIM,
        dim_mult=[1, 2, 4, 4],
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
        latents_mean=latents_mean or [0.0] * Z_DIM,
        latents_std=latents_std or [1.0] * Z_DIM,
    )
    _initialise_live_taps(vae)
    one_frame.flatten(vae)
    return vae


def _initialise_live_taps(vae: AutoencoderKLQwenImage) -> None:
    # A single frame only ever meets the last temporal slice of a kernel; the default scheme counts
    # the dead slices as fan-in and the signal dies on its way.
    for name, module in vae.named_modules():
        if isinstance(module, QwenImageCausalConv3d):
            live = torch.zeros_like(module.weight)
            fan_in = module.in_channels * module.kernel_size[1] * module.kernel_size[2]
            gain = 0.1 if name.endswith("conv2") else 1.0
            live[:, :, -1].normal_(0.0, gain / math.sqrt(fan_in))
            module.weight.data.copy_(live)
            if module.bias is not None:
                module.bias.data.zero_()


SPECIAL_TOKENS = (
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
# The stock pipeline drops the first 34 tokens of its template and keeps what follows the prompt.
# The full Qwen tokenizer spells that ending in 5 tokens; ours spells the marks letter by letter and
# the instruction as one, so that 34 stay 34 and the ending has 16: a canvas of 4 x 4 states that
# have each seen the whole prompt.
PREFIX = 34
CANVAS = 4
SUFFIX = CANVAS * CANVAS
WHOLE_TOKENS = (
    "Describe the image by detailing the color, shape, size, texture, quantity, text, spatial",
    "assistant\n",
)
TEMPLATE_WORDS = ("im", "start", "end", "system", "user")
TEMPLATE_REST = " relationships of the objects and background:"
HAN = Regex(r"\p{Han}")


def template() -> str:
    """Return the prompt template of the stock pipeline."""
    # the template is set in __init__, before any part is used
    bare = QwenImagePipeline(None, None, None, None, None)
    return str(bare.prompt_template_encode)


def train_tokenizer(prompts: Iterable[str], vocabulary: int) -> Qwen2Tokenizer:
    """Learn a byte-level BPE whose merges never reach across a Chinese character."""
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), "isolated"),
            pre_tokenizers.Split(HAN, "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(SPECIAL_TOKENS) - len(WHOLE_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    prompts = list(prompts)
    needed = [*TEMPLATE_WORDS, TEMPLATE_REST] * len(prompts)
    learner.train_from_iterator(prompts + needed, trainer)
    learnt = json.loads(learner.to_str())["model"]
    tokenizer = Qwen2Tokenizer(
        vocab=learnt["vocab"],
        merges=[tuple(merge) for merge in learnt["merges"]],
        extra_special_tokens=list(SPECIAL_TOKENS),
        padding_side="right",
    )
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in WHOLE_TOKENS])
    return tokenizer


def build_text_encoder(tokenizer: Qwen2Tokenizer) -> Qwen2_5_VLForConditionalGeneration:
    """Return a small text encoder with a token-sized vision tower that is never used."""
    ids = {name: tokenizer.convert_tokens_to_ids(name) for name in SPECIAL_TOKENS}
    config = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": WIDTH,
            "intermediate_size": 768,
            "num_hidden_layers": 3,
            "num_attention_heads": 6,
            "num_key_value_heads": 6,
            "max_position_embeddings": 2048,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": [4, 6, 6],
            },
            "bos_token_id": None,
            "eos_token_id": tokenizer.pad_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        },
        vision_config={
            "depth": 1,
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_heads": 1,
            "out_hidden_size": WIDTH,
            "fullatt_block_indexes": [0],
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=True,
    )
    return Qwen2_5_VLForConditionalGeneration(config)


def build_denoiser() -> QwenImageTransformer2DModel:
    """Return a small denoiser whose blocks begin as gentle, unmodulated residuals."""
    denoiser = QwenImageTransformer2DModel(
        patch_size=2,
        in_channels=4 * Z_DIM,
        out_channels=Z_DIM,
        num_layers=5,
        attention_head_dim=32,
        num_attention_heads=6,
        joint_attention_dim=WIDTH,
        axes_dims_rope=(8, 12, 12),
    )
    for block in denoiser.transformer_blocks:
        for modulation in (block.img_mod[1], block.txt_mod[1]):
            modulation.weight.data.zero_()
            modulation.bias.data.zero_()
            modulation.bias.data.view(2, 3, -1)[:, 2] = 0.5  # the gates of attention and MLP
    denoiser.proj_out.weight.data.zero_()
    denoiser.proj_out.bias.data.zero_()
    return denoiser


def build_pipeline(
    tokenizer: Qwen2Tokenizer,
    text_encoder: Qwen2_5_VLForConditionalGeneration,
    denoiser: QwenImageTransformer2DModel,
    vae: AutoencoderKLQwenImage,
) -> QwenImagePipeline:
    """Put the parts together as the stock pipeline."""
    return QwenImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        transformer=denoiser,
    )
