"""The `[memory]` of the variants: their real classes at full size, on tensors that hold nothing.

`python -m bench.memory` needs neither weights nor a GPU. It prints GB of 10^9 bytes in 16 bits:
the weights of each part, and the most that one denoising step and one decode hold beside them at
the largest size, as torch runs them without fusing. Sizes of layers are the published ones.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLFlux2,
    AutoencoderKLQwenImage,
    Flux2Transformer2DModel,
    FluxTransformer2DModel,
    QwenImageTransformer2DModel,
    ZImageTransformer2DModel,
)
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    Mistral3Config,
    Mistral3ForConditionalGeneration,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen3Config,
    Qwen3ForCausalLM,
    T5Config,
    T5EncoderModel,
)

from engine.families import one_frame

HALF = torch.bfloat16
GB = 1e9
TOKENS = 512
SEEN = 64 * 64
"""Tokens of a reference: the pipelines shrink each to a megapixel."""


class Peak(TorchDispatchMode):
    """Follows what results hold, views counted once, from when it is entered."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self._weights = {t.untyped_storage()._cdata for t in model.parameters()}
        self._live: dict[int, tuple[StorageWeakRef, int]] = {}
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, torch.Tensor):
                storage = tensor.untyped_storage()
                if storage._cdata not in self._weights:
                    self._live[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())
        self._live = {key: one for key, one in self._live.items() if not one[0].expired()}
        self.bytes = max(self.bytes, sum(size for _, size in self._live.values()))
        return out


@dataclass(frozen=True)
class Architecture:
    """What to build, and how to call it for a picture of `side` by `side`.

    `references` are the most pictures it looks at, each of `SEEN` tokens.
    """

    side: int
    text_encoders: tuple[Callable[[], Any], ...]
    transformer: Callable[[], Any]
    vae: Callable[[], Any]
    step: Callable[[Any, int, int], Mapping[str, Any]]
    latent: Callable[[int], tuple[int, ...]]
    references: int = 0


def main() -> None:
    """Print one table for each architecture."""
    warnings.filterwarnings("ignore")
    torch.set_default_dtype(HALF)
    for name, one in ARCHITECTURES.items():
        with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
            texts = sum(_weight(make()) for make in one.text_encoders)
            transformer, vae = one.transformer().eval(), one.vae().eval()
            if isinstance(vae, AutoencoderKLQwenImage):
                one_frame.flatten(vae)  # as the engine does
            given = one.step(transformer, one.side, one.references)
            with Peak(transformer) as denoise:
                transformer(**given, return_dict=False)
            latent = _half(1, *one.latent(one.side))
            with Peak(vae) as decode:
                vae.decode(latent, return_dict=False)
            figures = {
                "text_encoder": texts,
                "transformer": _weight(transformer),
                "vae": _weight(vae),
                "denoise": denoise.bytes,
                "decode": decode.bytes,
            }
        print(f"{name}, {one.side} x {one.side}")
        for key, size in figures.items():
            print(f"  {key} = {size / GB:.2f}")


def _weight(model: torch.nn.Module) -> int:
    return sum(tensor.nbytes for tensor in [*model.parameters(), *model.buffers()])


def _half(*shape: int) -> torch.Tensor:
    return torch.empty(shape, dtype=HALF)


def _full(*shape: int) -> torch.Tensor:
    return torch.empty(shape, dtype=torch.float32)


def _qwen_image(model: Any, side: int, references: int) -> Mapping[str, Any]:
    patches = side // 16
    return {
        "hidden_states": _half(1, patches**2 + references * SEEN, 64),
        "encoder_hidden_states": _half(1, TOKENS, model.config.joint_attention_dim),
        "encoder_hidden_states_mask": None,
        "timestep": _half(1),
        "img_shapes": [[(1, patches, patches), *[(1, 64, 64)] * references]],
    }


def _flux1(_model: Any, side: int, _references: int) -> Mapping[str, Any]:
    return {
        "hidden_states": _half(1, (side // 16) ** 2, 64),
        "encoder_hidden_states": _half(1, TOKENS, 4096),
        "pooled_projections": _half(1, 768),
        "timestep": _half(1),
        "guidance": _full(1),
        "img_ids": _full((side // 16) ** 2, 3),
        "txt_ids": _full(TOKENS, 3),
    }


def _flux2(model: Any, side: int, references: int) -> Mapping[str, Any]:
    tokens = (side // 16) ** 2 + references * SEEN
    return {
        "hidden_states": _half(1, tokens, 128),
        "encoder_hidden_states": _half(1, TOKENS, model.config.joint_attention_dim),
        "timestep": _half(1),
        "guidance": _full(1) if model.config.guidance_embeds else None,
        "img_ids": _full(1, tokens, 4),
        "txt_ids": _full(1, TOKENS, 4),
    }


def _z_image(_model: Any, side: int, _references: int) -> Mapping[str, Any]:
    return {
        "x": [_half(16, 1, side // 8, side // 8)],
        "t": _full(1),
        "cap_feats": [_half(TOKENS, 2560)],
    }


def _flux_vae() -> AutoencoderKL:
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(128, 256, 512, 512),
        layers_per_block=2,
        latent_channels=16,
        use_quant_conv=False,
        use_post_quant_conv=False,
    )


def _qwen3(hidden: int, intermediate: int, *, tied: bool) -> Callable[[], Any]:
    return lambda: Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=151936,
            hidden_size=hidden,
            intermediate_size=intermediate,
            num_hidden_layers=36,
            num_attention_heads=32,
            num_key_value_heads=8,
            head_dim=128,
            tie_word_embeddings=tied,
        )
    )


def _qwen25_vl() -> Any:
    return Qwen2_5_VLForConditionalGeneration(
        Qwen2_5_VLConfig(
            text_config={
                "vocab_size": 152064,
                "hidden_size": 3584,
                "intermediate_size": 18944,
                "num_hidden_layers": 28,
                "num_attention_heads": 28,
                "num_key_value_heads": 4,
            },
            vision_config={
                "depth": 32,
                "hidden_size": 1280,
                "intermediate_size": 3420,
                "num_heads": 16,
                "out_hidden_size": 3584,
            },
        )
    )


def _mistral3() -> Any:
    return Mistral3ForConditionalGeneration(
        Mistral3Config(
            text_config={
                "model_type": "mistral",
                "vocab_size": 131072,
                "hidden_size": 5120,
                "intermediate_size": 32768,
                "num_hidden_layers": 40,
                "num_attention_heads": 32,
                "num_key_value_heads": 8,
                "head_dim": 128,
            },
            vision_config={
                "model_type": "pixtral",
                "hidden_size": 1024,
                "intermediate_size": 4096,
                "num_hidden_layers": 24,
                "num_attention_heads": 16,
            },
        )
    )


def _t5() -> Any:
    return T5EncoderModel(
        T5Config(
            vocab_size=32128,
            d_model=4096,
            d_kv=64,
            d_ff=10240,
            num_layers=24,
            num_heads=64,
            feed_forward_proj="gated-gelu",
        )
    )


def _clip() -> Any:
    return CLIPTextModel(
        CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_attention_heads=12)
    )


def _klein(double: int, single: int, heads: int, joint: int) -> Callable[[], Any]:
    return lambda: Flux2Transformer2DModel(
        num_layers=double,
        num_single_layers=single,
        num_attention_heads=heads,
        joint_attention_dim=joint,
        guidance_embeds=False,
    )


def _deep(channels: int) -> Callable[[int], tuple[int, ...]]:
    return lambda side: (channels, side // 8, side // 8)


ARCHITECTURES = {
    "qwen-image": Architecture(
        1328,
        (_qwen25_vl,),
        QwenImageTransformer2DModel,
        AutoencoderKLQwenImage,
        _qwen_image,
        lambda side: (16, 1, side // 8, side // 8),
    ),
    "qwen-image-edit": Architecture(
        1328,
        (_qwen25_vl,),
        QwenImageTransformer2DModel,
        AutoencoderKLQwenImage,
        _qwen_image,
        lambda side: (16, 1, side // 8, side // 8),
        references=3,
    ),
    "z-image": Architecture(
        2048,
        (_qwen3(2560, 9728, tied=True),),
        ZImageTransformer2DModel,
        _flux_vae,
        _z_image,
        _deep(16),
    ),
    "flux1": Architecture(
        1440,
        (_clip, _t5),
        lambda: FluxTransformer2DModel(guidance_embeds=True),
        _flux_vae,
        _flux1,
        _deep(16),
    ),
    "flux2-klein-4b": Architecture(
        2048,
        (_qwen3(2560, 9728, tied=True),),
        _klein(5, 20, 24, 7680),
        AutoencoderKLFlux2,
        _flux2,
        _deep(32),
        references=4,
    ),
    "flux2-klein-9b": Architecture(
        2048,
        (_qwen3(4096, 12288, tied=False),),
        _klein(8, 24, 32, 12288),
        AutoencoderKLFlux2,
        _flux2,
        _deep(32),
        references=4,
    ),
    "flux2-dev": Architecture(
        2048,
        (_mistral3,),
        Flux2Transformer2DModel,
        AutoencoderKLFlux2,
        _flux2,
        _deep(32),
        references=6,
    ),
}


if __name__ == "__main__":
    main()
