"""FLUX.2 dev and klein on the stock diffusers pipelines: what is particular to them."""

import math
from dataclasses import replace
from typing import Any, ClassVar

import torch
from diffusers import (
    AutoencoderKLFlux2,
    Flux2KleinInpaintPipeline,
    Flux2KleinPipeline,
    Flux2Pipeline,
    Flux2Transformer2DModel,
)
from diffusers.pipelines.flux2.pipeline_flux2 import format_input
from PIL import Image, ImageOps
from transformers import (
    AutoTokenizer,
    Mistral3ForConditionalGeneration,
    Qwen2Tokenizer,
    Qwen3ForCausalLM,
)

from engine.families.loading import Kit
from engine.families.stock import EMBEDDED, TRUE_CFG, UNGUIDED, StockFamily
from engine.family import AfterStep
from engine.pictures.inputs import Inputs
from engine.request import ImageRequest
from engine.variants.catalog import Variant
from engine.weights.finding import Place

SEEN_PIXELS = 1024 * 1024
"""What the pipelines shrink pictures to that are looked at or painted over."""
SEEN_SIDE = 64
"""They refuse to look at what is smaller."""

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
    masked=Flux2KleinInpaintPipeline,
)


class Flux2(StockFamily):
    """FLUX.2: guidance is an input of dev, distilled out of klein, and true CFG in its base."""

    kits = (DEV, KLEIN)
    batched: ClassVar[tuple[str, ...]] = (
        "hidden_states",
        "timestep",
        "guidance",
        "encoder_hidden_states",
    )
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

    def pictures(self, request: ImageRequest, inputs: Inputs) -> dict[str, Any]:
        """Hand on the references; beside a canvas they are looked at in one shape."""
        references = [_enlarged(reference) for reference in inputs.references]
        if inputs.canvas is None:
            return {"image": references} if references else {}
        given = super().pictures(request, inputs)
        return {**given, "image_reference": _alike(references)} if references else given

    def draw(self, request: ImageRequest, inputs: Inputs, after_step: AfterStep) -> Image.Image:
        """Draw one picture, and a part of a large one as large as the pipeline leaves its canvas.

        The part is then enlarged: it would come out in the pipeline's own size.
        """
        size = (request.width, request.height)
        if inputs.canvas is None or inputs.mask is None or math.prod(size) <= SEEN_PIXELS:
            return super().draw(request, inputs, after_step)
        width, height = self._shrunk(size)
        canvas, mask = (
            picture.resize((width, height), Image.Resampling.LANCZOS)
            for picture in (inputs.canvas, inputs.mask)
        )
        part = replace(request, width=width, height=height)
        drawn = super().draw(part, replace(inputs, canvas=canvas, mask=mask), after_step)
        return drawn.resize(size, Image.Resampling.LANCZOS)

    def _shrunk(self, size: tuple[int, int]) -> tuple[int, int]:
        multiple = self.pipe.vae_scale_factor * 2
        share = math.sqrt(SEEN_PIXELS / math.prod(size))
        width, height = (int(side * share) // multiple * multiple for side in size)
        return width, height

    def _pipe_for(self, inputs: Inputs) -> Any:
        pipe = super()._pipe_for(inputs)
        if isinstance(pipe, Flux2KleinInpaintPipeline):
            # No part, but a setting: without it what was distilled would be guided.
            pipe.register_to_config(is_distilled=self.pipe.config.is_distilled)
        return pipe

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


def _enlarged(picture: Image.Image) -> Image.Image:
    """Return a picture that the pipelines look at: no side shorter than they take."""
    share = SEEN_SIDE / min(picture.size)
    if share <= 1:
        return picture
    width, height = (max(SEEN_SIDE, int(side * share)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def _alike(pictures: list[Image.Image]) -> list[Image.Image]:
    """Return pictures in the shape of the first: else the pipeline cuts the others to it."""
    if len(pictures) == 1:
        return pictures
    width, height = pictures[0].size
    share = min(1.0, math.sqrt(SEEN_PIXELS / (width * height)))
    size = (int(width * share), int(height * share))
    return [ImageOps.pad(picture, size, color="white") for picture in pictures]
