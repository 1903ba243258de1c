"""FLUX.1 schnell and dev on the stock diffusers pipeline: what is particular to them."""

import logging
from typing import Any, ClassVar

import torch
from diffusers import (
    AutoencoderKL,
    FluxImg2ImgPipeline,
    FluxInpaintPipeline,
    FluxPipeline,
    FluxTransformer2DModel,
)
from diffusers.pipelines import flux
from transformers import CLIPTextModel, CLIPTokenizer, T5EncoderModel, T5TokenizerFast

from engine.families.loading import Kit
from engine.families.stock import EMBEDDED, UNGUIDED, StockFamily
from engine.request import ImageRequest
from engine.variants.catalog import Variant
from engine.weights.finding import Place

TOKENS_DISTILLED = 256
TOKENS_GUIDED = 512
"""T5 tokens that schnell and dev were trained with; texts are padded to them, without a mask."""


class Flux1(StockFamily):
    """FLUX.1: guidance is an input of the model (dev) or distilled away (schnell).

    CLIP reads the first 77 tokens, for the style of the whole; T5 reads every word.
    """

    kits = (
        Kit(
            FluxPipeline,
            models={
                "text_encoder": CLIPTextModel,
                "text_encoder_2": T5EncoderModel,
                "transformer": FluxTransformer2DModel,
                "vae": AutoencoderKL,
            },
            tokenizers={"tokenizer": CLIPTokenizer, "tokenizer_2": T5TokenizerFast},
            canvas=FluxImg2ImgPipeline,
            masked=FluxInpaintPipeline,
        ),
    )

    batched: ClassVar[tuple[str, ...]] = (
        "hidden_states",
        "timestep",
        "guidance",
        "pooled_projections",
        "encoder_hidden_states",
    )

    def __init__(self, variant: Variant, device: str, place: Place) -> None:
        super().__init__(variant, device, place)
        # They log what CLIP does not read, and a member's words are nobody else's.
        logging.getLogger(flux.__name__).setLevel(logging.ERROR)

    @property
    def guidances(self) -> tuple[str, ...]:
        """Tell dev from schnell by its weights."""
        return (EMBEDDED,) if self.pipe.transformer.config.guidance_embeds else (UNGUIDED,)

    @property
    def token_limit(self) -> int:
        """Return how many tokens T5 reads."""
        return TOKENS_GUIDED if EMBEDDED in self.guidances else TOKENS_DISTILLED

    def tokens(self, text: str) -> int:
        """Count T5's tokens."""
        return len(self.pipe.tokenizer_2(text).input_ids)

    def arguments(self, request: ImageRequest) -> dict[str, Any]:
        """Hand on the scale, which weights without an input for it leave out."""
        return {"guidance_scale": request.guidance, "max_sequence_length": self.token_limit}

    def grid(self, latents: torch.Tensor, request: ImageRequest) -> torch.Tensor:
        """Unpack the patches."""
        size = (request.height, request.width)
        unpacked: torch.Tensor = self.pipe._unpack_latents(
            latents, *size, self.pipe.vae_scale_factor
        )
        return unpacked

    def decoded(self, grid: torch.Tensor) -> torch.Tensor:
        """Undo the scale and shift of training, and decode."""
        vae = self.pipe.vae
        latents = grid.to(vae.dtype) / vae.config.scaling_factor + vae.config.shift_factor
        picture: torch.Tensor = vae.decode(latents).sample
        return picture
