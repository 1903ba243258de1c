"""FLUX.2 dev and klein on the stock diffusers pipelines: what is particular to them."""

from typing import Any

import torch
from diffusers import (
    AutoencoderKLFlux2,
    Flux2KleinPipeline,
    Flux2Pipeline,
    Flux2Transformer2DModel,
)
from diffusers.pipelines.flux2.pipeline_flux2 import format_input
from transformers import (
    AutoTokenizer,
    Mistral3ForConditionalGeneration,
    Qwen2Tokenizer,
    Qwen3ForCausalLM,
)

from engine.catalog import Variant
from engine.families.loading import Kit
from engine.families.stock import EMBEDDED, TRUE_CFG, UNGUIDED, StockFamily
from engine.request import ImageRequest
from engine.weights import Place

DEV = Kit(
    Flux2Pipeline,
    models={
        "text_encoder": Mistral3ForConditionalGeneration,
        "transformer": Flux2Transformer2DModel,
        "vae": AutoencoderKLFlux2,
    },
    # The published class, PixtralProcessor, wants torchvision for pictures that no prompt holds.
    # Its words are this tokenizer's: see `_check_opening`.
    tokenizers={"tokenizer": AutoTokenizer},
)
KLEIN = Kit(
    Flux2KleinPipeline,
    models={
        "text_encoder": Qwen3ForCausalLM,
        "transformer": Flux2Transformer2DModel,
        "vae": AutoencoderKLFlux2,
    },
    tokenizers={"tokenizer": Qwen2Tokenizer},
)


class Flux2(StockFamily):
    """FLUX.2: guidance is an input of dev, distilled out of klein, and true CFG in its base."""

    kits = (DEV, KLEIN)
    token_limit = 512

    def __init__(self, variant: Variant, device: str, place: Place) -> None:
        super().__init__(variant, device, place)
        if self._is_dev:
            self._check_opening()

    @property
    def _is_dev(self) -> bool:
        return isinstance(self.pipe, Flux2Pipeline)

    @property
    def guidances(self) -> tuple[str, ...]:
        """Tell dev, klein and klein's base by their pipeline and its settings."""
        if self._is_dev:
            return (EMBEDDED,)
        return (UNGUIDED,) if self.pipe.config.is_distilled else (TRUE_CFG,)

    def tokens(self, text: str) -> int:
        """Count the tokens of the whole conversation that the pipeline makes of a text."""
        return len(self.pipe.tokenizer(self._said(text), add_special_tokens=False).input_ids)

    def _said(self, text: str) -> str:
        messages: Any = [{"role": "user", "content": text}]
        if self._is_dev:
            (messages,) = format_input([text], self.pipe.system_message)
        said: str = self.pipe.tokenizer.apply_chat_template(
            messages,
            tokenize=False,
            add_generation_prompt=not self._is_dev,
            enable_thinking=False,
        )
        return said

    def _check_opening(self) -> None:
        # The processor adds a first token where the template has none; the tokenizer never does.
        first = self.pipe.tokenizer.bos_token
        if not first or not self._said("").startswith(first):
            raise ValueError("the tokenizer's template does not open with its first token")

    @torch.no_grad()
    def arguments(self, request: ImageRequest) -> dict[str, Any]:
        """Hand on the scale, and klein's base a negative prompt, which it takes encoded."""
        arguments: dict[str, Any] = {
            "guidance_scale": request.guidance,
            "max_sequence_length": self.token_limit,
        }
        if request.negative:
            encoded, _ = self.pipe.encode_prompt(
                request.negative, max_sequence_length=self.token_limit
            )
            arguments["negative_prompt_embeds"] = encoded
        return arguments

    def grid(self, latents: torch.Tensor, request: ImageRequest) -> torch.Tensor:
        """Lay out the patches, undo their normalisation, and unpack them."""
        vae, patch = self.pipe.vae, self.pipe.vae_scale_factor * 2
        size = (request.height // patch, request.width // patch)
        patches = latents.to(vae.dtype).transpose(1, 2).reshape(1, -1, *size)
        mean, variance = (
            values.view(1, -1, 1, 1).to(patches)
            for values in (vae.bn.running_mean, vae.bn.running_var)
        )
        deviation = torch.sqrt(variance + vae.config.batch_norm_eps)
        grid: torch.Tensor = self.pipe._unpatchify_latents(patches * deviation + mean)
        return grid

    def decoded(self, grid: torch.Tensor) -> torch.Tensor:
        """Decode; the scale was undone patch by patch."""
        vae = self.pipe.vae
        picture: torch.Tensor = vae.decode(grid).sample
        return picture
