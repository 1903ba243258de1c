"""Z-Image and its Turbo on the stock diffusers pipeline: what is particular to them."""

from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    ZImageImg2ImgPipeline,
    ZImageInpaintPipeline,
    ZImagePipeline,
    ZImageTransformer2DModel,
)
from transformers import Qwen2Tokenizer, Qwen3Model

from engine.families.loading import Kit
from engine.families.stock import TRUE_CFG, UNGUIDED, StockFamily
from engine.request import ImageRequest


class ZImage(StockFamily):
    """Z-Image: true CFG, or none for Turbo; latents are float32 whatever the weights are."""

    kits = (
        Kit(
            ZImagePipeline,
            models={
                "text_encoder": Qwen3Model,
                "transformer": ZImageTransformer2DModel,
                "vae": AutoencoderKL,
            },
            tokenizers={"tokenizer": Qwen2Tokenizer},
            canvas=ZImageImg2ImgPipeline,
            masked=ZImageInpaintPipeline,
        ),
    )
    guidances = (UNGUIDED, TRUE_CFG)
    token_limit = 512

    def tokens(self, text: str) -> int:
        """Count the tokens of the whole conversation that the pipeline makes of a text."""
        tokenizer = self.pipe.tokenizer
        said = tokenizer.apply_chat_template(
            [{"role": "user", "content": text}],
            tokenize=False,
            add_generation_prompt=True,
            enable_thinking=True,
        )
        return len(tokenizer(said).input_ids)

    def arguments(self, request: ImageRequest) -> dict[str, Any]:
        """Ask for guidance where it counts for something; unguided is 0 to this pipeline."""
        scale = request.guidance if request.guidance > 1 else 0.0
        return {
            "guidance_scale": scale,
            "negative_prompt": request.negative,
            "max_sequence_length": self.token_limit,
        }

    @property
    def channels(self) -> int:
        """Return the transformer's input channels: it makes its patches itself."""
        return int(self.pipe.transformer.config.in_channels)

    @property
    def noise_dtype(self) -> torch.dtype:
        """Return float32."""
        return torch.float32

    def grid(self, latents: torch.Tensor, request: ImageRequest) -> torch.Tensor:
        """Return the latents as they are: this pipeline packs none."""
        return latents

    def decoded(self, grid: torch.Tensor) -> torch.Tensor:
        """Undo the scale and shift of training, and decode."""
        vae = self.pipe.vae
        latents = grid.to(vae.dtype) / vae.config.scaling_factor + vae.config.shift_factor
        picture: torch.Tensor = vae.decode(latents).sample
        return picture
