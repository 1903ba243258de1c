"""Tiny random pipelines of the real FLUX.1, FLUX.2 and Z-Image classes, and what goes into them."""

import importlib
import sys
from typing import Any

import pytest
import torch
import transformers
from diffusers import (
    AutoencoderKL,
    AutoencoderKLFlux2,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinPipeline,
    Flux2Pipeline,
    Flux2Transformer2DModel,
    FluxPipeline,
    FluxTransformer2DModel,
    ZImagePipeline,
    ZImageTransformer2DModel,
)
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
    Mistral3Config,
    Mistral3ForConditionalGeneration,
    PixtralImageProcessorPil,
    PreTrainedTokenizerFast,
    Qwen2Tokenizer,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3Model,
    T5Config,
    T5EncoderModel,
    T5TokenizerFast,
)

from tests.engine import toys

WIDTH = 16
BLOCKS = 4
"""As many halvings as the published VAEs have: a latent is 8 pixels wide."""
KLEIN_LAYERS = 28
DEV_LAYERS = 31
"""The pipelines read fixed layers of the text encoder: up to the 27th and the 30th."""

CHAT = """\
{%- for message in messages -%}
<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}
<|im_start|>assistant
{% if enable_thinking is defined and enable_thinking is false %}<think>

</think>

{% endif %}{%- endif -%}
"""
"""Qwen3's, as far as one text needs it."""

INSTRUCT = """\
{{- bos_token }}
{%- for message in messages -%}
{%- set mark = "SYSTEM_PROMPT" if message.role == "system" else "INST" -%}
[{{ mark }}]
{%- for block in message.content -%}{{ block.text }}{%- endfor -%}
[/{{ mark }}]
{%- endfor -%}
"""
"""Mistral's, as far as one text needs it."""


def flux1(*, guided: bool) -> FluxPipeline:
    """Build dev (guided) or schnell."""
    return FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(
            shift=3.0 if guided else 1.0, use_dynamic_shifting=guided
        ),
        vae=_vae(AutoencoderKL, latent_channels=4, scaling_factor=0.36, shift_factor=0.12),
        text_encoder=CLIPTextModel(
            CLIPTextConfig(
                vocab_size=600,
                hidden_size=WIDTH,
                intermediate_size=WIDTH,
                num_hidden_layers=1,
                num_attention_heads=2,
                projection_dim=WIDTH,
                bos_token_id=0,
                eos_token_id=1,
                pad_token_id=1,
            )
        ),
        tokenizer=_clip_tokenizer(),
        text_encoder_2=T5EncoderModel(
            T5Config(vocab_size=300, d_model=WIDTH, d_kv=8, d_ff=WIDTH, num_layers=1, num_heads=2)
        ),
        tokenizer_2=_t5_tokenizer(),
        transformer=FluxTransformer2DModel(
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=WIDTH,
            pooled_projection_dim=WIDTH,
            guidance_embeds=guided,
            axes_dims_rope=(4, 6, 6),
        ),
    )


def flux2_klein(*, distilled: bool) -> Flux2KleinPipeline:
    """Build klein, or the base it is distilled from."""
    tokenizer = _chat_tokenizer()
    return Flux2KleinPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=_flux2_vae(),
        text_encoder=Qwen3ForCausalLM(_qwen3(tokenizer, KLEIN_LAYERS)),
        tokenizer=tokenizer,
        transformer=_flux2_transformer(guided=False),
        is_distilled=distilled,
    )


def flux2_dev(patch: pytest.MonkeyPatch) -> Flux2Pipeline:
    """Build dev with the processor that is published with it."""
    tokenizer = _instruct_tokenizer()
    sizes = {"hidden_size": WIDTH, "intermediate_size": WIDTH, "num_attention_heads": 2}
    config = Mistral3Config(
        text_config={
            **sizes,
            "model_type": "mistral",
            "vocab_size": len(tokenizer),
            "num_hidden_layers": DEV_LAYERS,
            "num_key_value_heads": 1,
            "head_dim": 8,
        },
        vision_config={**sizes, "model_type": "pixtral", "num_hidden_layers": 1},
        image_token_id=tokenizer.convert_tokens_to_ids("[IMG]"),
    )
    return Flux2Pipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=_flux2_vae(),
        text_encoder=Mistral3ForConditionalGeneration(config),
        tokenizer=_pixtral_processor(tokenizer, patch),
        transformer=_flux2_transformer(guided=True),
    )


def z_image() -> ZImagePipeline:
    """Build Z-Image; Turbo is of the same classes."""
    tokenizer = _chat_tokenizer()
    return ZImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=_vae(AutoencoderKL, latent_channels=4, scaling_factor=0.36, shift_factor=0.12),
        text_encoder=Qwen3Model(_qwen3(tokenizer, 2)),
        tokenizer=tokenizer,
        transformer=_z_image_transformer(),
    )


def lora(transformer: torch.nn.Module, *endings: str) -> dict[str, torch.Tensor]:
    """Return a LoRA over the named modules, as diffusers itself saves one."""
    tensors: dict[str, torch.Tensor] = {}
    for name, module in transformer.named_modules():
        if name.endswith(endings) and isinstance(module, torch.nn.Linear):
            down = torch.randn(2, module.in_features) * 0.3
            tensors[f"transformer.{name}.lora_A.weight"] = down
            up = torch.randn(module.out_features, 2) * 0.3
            tensors[f"transformer.{name}.lora_B.weight"] = up
    return tensors


def _vae(kind: Any, **particular: Any) -> Any:
    return kind(
        down_block_types=("DownEncoderBlock2D",) * BLOCKS,
        up_block_types=("UpDecoderBlock2D",) * BLOCKS,
        block_out_channels=(8,) * BLOCKS,
        layers_per_block=1,
        norm_num_groups=4,
        sample_size=64,
        **particular,
    )


def _flux2_vae() -> AutoencoderKLFlux2:
    vae = _vae(AutoencoderKLFlux2, latent_channels=4)
    # As learnt ones are: a mean of 0 and a variance of 1 would hide a wrong order of channels.
    torch.nn.init.normal_(vae.bn.running_mean, std=0.5)
    torch.nn.init.uniform_(vae.bn.running_var, 0.5, 2.0)
    return vae


def _flux2_transformer(*, guided: bool) -> Flux2Transformer2DModel:
    return Flux2Transformer2DModel(
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=3 * WIDTH,
        timestep_guidance_channels=32,
        axes_dims_rope=(4, 4, 4, 4),
        guidance_embeds=guided,
    )


def _z_image_transformer() -> ZImageTransformer2DModel:
    transformer = ZImageTransformer2DModel(
        in_channels=4,
        dim=32,
        n_layers=1,
        n_refiner_layers=1,
        n_heads=2,
        n_kv_heads=2,
        cap_feat_dim=WIDTH,
        axes_dims=[4, 6, 6],
        axes_lens=[1024, 64, 64],
    )
    # Made empty by the class: training fills them.
    for pad in (transformer.x_pad_token, transformer.cap_pad_token):
        torch.nn.init.normal_(pad)
    return transformer


def _qwen3(tokenizer: Qwen2Tokenizer, layers: int) -> Qwen3Config:
    return Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=WIDTH,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
    )


def _chat_tokenizer() -> Qwen2Tokenizer:
    tokenizer = toys.tokenizer()
    tokenizer.chat_template = CHAT
    return tokenizer


def _clip_tokenizer() -> CLIPTokenizer:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{one}</w>" for one in letters)]
    return CLIPTokenizer(
        vocab={word: index for index, word in enumerate(words)}, merges=[], model_max_length=77
    )


def _t5_tokenizer() -> T5TokenizerFast:
    pieces = ["<pad>", "</s>", "<unk>", "▁", *map(chr, range(33, 127)), "▁red", "▁panda"]
    vocabulary = [(piece, -float(index)) for index, piece in enumerate(pieces)]
    return T5TokenizerFast(vocab=vocabulary, extra_ids=0)


def _instruct_tokenizer() -> PreTrainedTokenizerFast:
    """Build a byte-level tokenizer that puts a first token where it is asked for special ones."""
    marks = ["<unk>", "<s>", "</s>", "<pad>", "[INST]", "[/INST]"]
    marks += ["[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[IMG]", "[IMG_BREAK]", "[IMG_END]"]
    words = [*marks, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    made = Tokenizer(models.BPE({word: index for index, word in enumerate(words)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", words.index("<s>"))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
        extra_special_tokens=marks[4:],
        chat_template=INSTRUCT,
    )


def _pixtral_processor(tokenizer: PreTrainedTokenizerFast, patch: pytest.MonkeyPatch) -> Any:
    """Build the real PixtralProcessor in an environment without torchvision.

    Its module imports one function for measuring pictures from a module that needs torchvision,
    and no torchvision on the package index fits torch's CPU wheel. The library's own Pillow twin
    of that module has the same function; words take the processor's real path. Nor does the
    library then hand the class out by its name, by which diffusers asks for it.
    """
    package = "transformers.models.pixtral"
    twin = importlib.import_module(f"{package}.image_processing_pil_pixtral")
    patch.setitem(sys.modules, f"{package}.image_processing_pixtral", twin)
    kind = importlib.import_module(f"{package}.processing_pixtral").PixtralProcessor
    patch.setattr(transformers, "PixtralProcessor", kind)
    return kind(
        image_processor=PixtralImageProcessorPil(), tokenizer=tokenizer, chat_template=INSTRUCT
    )
