"""Qwen-Image on the stock diffusers pipeline: what is particular to it."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from diffusers import (
    AutoencoderKLQwenImage,
    QwenImageImg2ImgPipeline,
    QwenImageInpaintPipeline,
    QwenImagePipeline,
    QwenImageTransformer2DModel,
)
from torch.nn.functional import pad
from transformers import Qwen2_5_VLForConditionalGeneration, Qwen2Tokenizer

from engine.families import one_frame, qwen_blocks
from engine.families.loading import Kit
from engine.families.qwen_learning import QwenLearning
from engine.families.ragged import Ragged
from engine.families.stock import TRUE_CFG, UNGUIDED, StockFamily
from engine.request import ImageRequest
from engine.variants.catalog import Variant
from engine.weights.finding import Place

TOKEN_LIMIT = 1024
"""Tokens the pipeline reads after its template; its own default would cut at 512 in silence."""
LEAST_BUCKET = 32
"""Texts of up to so many tokens are filled up to share a forward, longer ones to powers of two."""
TEXT_TOKENS = TOKEN_LIMIT - 8
"""Tokens left to a member's text: the template closes with a handful more."""


class QwenImage(QwenLearning, StockFamily):
    """Qwen-Image, 2512 and what is built like them: true CFG, or none once distilled."""

    kits = (
        Kit(
            QwenImagePipeline,
            models={
                "text_encoder": Qwen2_5_VLForConditionalGeneration,
                "transformer": QwenImageTransformer2DModel,
                "vae": AutoencoderKLQwenImage,
            },
            tokenizers={"tokenizer": Qwen2Tokenizer},
            canvas=QwenImageImg2ImgPipeline,
            masked=QwenImageInpaintPipeline,
        ),
    )
    guidances = (UNGUIDED, TRUE_CFG)
    token_limit = TEXT_TOKENS
    batched: ClassVar[tuple[str, ...]] = ("hidden_states", "timestep", "encoder_hidden_states")

    def __init__(self, variant: Variant, device: str, place: Place) -> None:
        super().__init__(variant, device, place)
        # Before the weights are seated: offloading wraps the forwards that it finds.
        one_frame.flatten(self.pipe.vae)
        self.pipe.transformer.set_attn_processor(Ragged())
        qwen_blocks.trim(self.pipe.transformer)

    def tokens(self, text: str) -> int:
        """Count a text's tokens without the template, whose opening the pipeline drops again."""
        return len(self.pipe.tokenizer(text).input_ids)

    def arguments(self, request: ImageRequest) -> dict[str, Any]:
        """Ask for guidance where it counts for something."""
        arguments: dict[str, Any] = {"max_sequence_length": TOKEN_LIMIT, "true_cfg_scale": 1.0}
        if request.guidance > 1:
            # Without a negative prompt the pipeline would leave guidance out.
            arguments["negative_prompt"] = request.negative or " "
            arguments["true_cfg_scale"] = request.guidance
        return arguments

    def group(self, named: Mapping[str, Any]) -> Hashable:
        """Let texts of about the same length share a forward."""
        length = named["encoder_hidden_states"].shape[1]
        longest = max(LEAST_BUCKET, 1 << (length - 1).bit_length())
        return named["hidden_states"].dtype, longest

    def joined(self, calls: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Fill up shorter texts with zeros, and say how long each is where they differ."""
        texts = [call["encoder_hidden_states"] for call in calls]
        lengths = tuple(text.shape[1] for text in texts)
        filled = [
            {**call, "encoder_hidden_states": pad(text, (0, 0, 0, max(lengths) - text.shape[1]))}
            for call, text in zip(calls, texts, strict=True)
        ]
        joined = super().joined(filled)
        if len(set(lengths)) > 1:
            joined["attention_kwargs"] = {"lengths": lengths}
        return joined

    def grid(self, latents: torch.Tensor, request: ImageRequest) -> torch.Tensor:
        """Unpack the patches, and drop the axis of time."""
        size = (request.height, request.width)
        unpacked: torch.Tensor = self.pipe._unpack_latents(
            latents, *size, self.pipe.vae_scale_factor
        )
        return unpacked[:, :, 0]

    def decoded(self, grid: torch.Tensor) -> torch.Tensor:
        """Decode as one frame."""
        vae = self.pipe.vae
        mean, std = (
            torch.tensor(values, device=grid.device).view(1, -1, 1, 1, 1)
            for values in (vae.config.latents_mean, vae.config.latents_std)
        )
        frame: torch.Tensor = vae.decode((grid[:, :, None] * std + mean).to(vae.dtype)).sample
        return frame[:, :, 0]
