"""Toys of the real classes: a random Qwen-Image pipeline, a LoRA for it and a variant's file."""

import json

import torch
from diffusers import (
    AutoencoderKLQwenImage,
    FlowMatchEulerDiscreteScheduler,
    QwenImagePipeline,
    QwenImageTransformer2DModel,
)
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen2Tokenizer
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

LORA_RANK = 4
LORA_ALPHA = 8.0
MARKS = (
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
VARIANT = """
family = "qwen_image"
languages = ["en", "zh"]
glyphs = []
cost = 2
max_count = 4
prompt_limit = 400
negative = true

[weights]
source = "{weights}"

[licence]
name = "None"
commercial = true

[steps]
default = 3
least = 1
most = 30

[guidance]
kind = "true_cfg"
default = 3.0
least = 1.0
most = 8.0

[sizes]
multiple = 16
least_side = 32
most_side = 512
most_pixels = 262144

[sizes.presets]
square = [64, 64]
wide = [96, 64]
"""


def toy_pipeline() -> QwenImagePipeline:
    """Build the stock pipeline of random parts, small enough to draw in milliseconds."""
    words = tokenizer()
    transformer = QwenImageTransformer2DModel(
        patch_size=2,
        in_channels=16,
        out_channels=4,
        num_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=16,
        axes_dims_rope=(8, 4, 4),
    )
    vae = AutoencoderKLQwenImage(
        base_dim=8,
        z_dim=4,
        dim_mult=[1, 1, 1, 1],
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
        latents_mean=[0.1] * 4,
        latents_std=[1.5] * 4,
    )
    return QwenImagePipeline(
        transformer=transformer,
        vae=vae,
        text_encoder=Qwen2_5_VLForConditionalGeneration(_text_config(words)),
        tokenizer=words,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
    )


def toy_lora(transformer: QwenImageTransformer2DModel) -> dict[str, torch.Tensor]:
    """Return a LoRA over the attention, in the naming of the published Lightning files."""
    tensors: dict[str, torch.Tensor] = {}
    for name, module in transformer.named_modules():
        if name.endswith(("to_q", "to_k", "to_v", "to_out.0")):
            out_features, in_features = module.weight.shape
            tensors[f"{name}.lora_down.weight"] = torch.randn(LORA_RANK, in_features) * 0.3
            tensors[f"{name}.lora_up.weight"] = torch.randn(out_features, LORA_RANK) * 0.3
            tensors[f"{name}.alpha"] = torch.tensor(LORA_ALPHA)
    return tensors


def tokenizer() -> Qwen2Tokenizer:
    """Train Qwen's tokenizer on a few words; bytes spell all others."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    trained.train_from_iterator(["a red panda on a blue background"] * 4, trainer)
    parts = json.loads(trained.to_str())["model"]
    return Qwen2Tokenizer(
        vocab=parts["vocab"],
        merges=[tuple(merge) for merge in parts["merges"]],
        extra_special_tokens=list(MARKS),
        padding_side="right",
    )


def _text_config(words: Qwen2Tokenizer) -> Qwen2_5_VLConfig:
    ids = {
        f"{name}_token_id": words.convert_tokens_to_ids(f"<|{mark}|>")
        for name, mark in (
            ("image", "image_pad"),
            ("video", "video_pad"),
            ("vision_start", "vision_start"),
            ("vision_end", "vision_end"),
        )
    }
    return Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(words),
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "bos_token_id": None,
            "eos_token_id": None,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": [1, 1, 2],
            },
        },
        vision_config={
            "depth": 1,
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_heads": 2,
            "out_hidden_size": 16,
        },
        **ids,
    )
