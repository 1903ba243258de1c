"""FLUX.1 Redux: FLUX.1 dev that reads a picture beside the words, by a second repository."""

from typing import Any

import torch
from diffusers import FluxPriorReduxPipeline
from diffusers.pipelines.flux.modeling_flux import ReduxImageEncoder
from transformers import SiglipImageProcessorPil, SiglipVisionModel

from engine.families.flux1 import Flux1
from engine.families.loading import load_model, load_processor
from engine.families.stock import DTYPES
from engine.memory.levers import Levers
from engine.pictures.inputs import Inputs
from engine.request import ImageRequest
from engine.variants.catalog import Variant
from engine.weights.finding import Place, find_weights, joined_digest

REDUX = "redux"
"""The companion that reads pictures, by its name in a variant's file."""
MODELS = {"image_encoder": SiglipVisionModel, "image_embedder": ReduxImageEncoder}
PROCESSOR = "feature_extractor"
WORDS = ("text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2")


class Redux(Flux1):
    """Draws variations of the reference, to which the words add."""

    def __init__(self, variant: Variant, device: str, place: Place) -> None:
        super().__init__(variant, device, place)
        found = find_weights(variant.companions[REDUX], (*MODELS, PROCESSOR), place)
        dtype = DTYPES[variant.dtype]
        models = {part: load_model(kind, found.path, dtype, part) for part, kind in MODELS.items()}
        reader = load_processor(SiglipImageProcessorPil, found.path, PROCESSOR)
        self._seeing = {**models, PROCESSOR: reader}
        self.beside = tuple(models.values())
        self.weights_digest = joined_digest((self.weights_digest, found.digest))

    def seat(self, levers: Levers) -> None:
        """Bring the weights to the device; what reads words stands for itself in both pipelines."""
        super().seat(levers)
        words = {part: self.pipe.components[part] for part in WORDS}
        self._prior = FluxPriorReduxPipeline(**self._seeing, **words)

    @torch.no_grad()
    def pictures(self, request: ImageRequest, inputs: Inputs) -> dict[str, Any]:
        """Read words and reference together, and hand on what was read in place of the words."""
        (reference,) = inputs.references
        read = self._prior(image=reference, prompt=request.prompt)
        return {
            "prompt": None,
            "prompt_embeds": read.prompt_embeds,
            "pooled_prompt_embeds": read.pooled_prompt_embeds,
        }
