"""Qwen-Image with a ControlNet beside it: what is particular to it."""

from typing import Any

from diffusers import QwenImageControlNetModel, QwenImageControlNetPipeline

from engine.families.control import open_control
from engine.families.loading import load_model
from engine.families.qwen_image import QwenImage
from engine.families.stock import DTYPES
from engine.pictures.controls import fitted
from engine.pictures.inputs import Inputs
from engine.request import ImageRequest
from engine.variants.catalog import Variant
from engine.weights.finding import Place, find_weights, joined_digest

CONTROLNET = "controlnet"
"""The companion that reads the control picture, by its name in a variant's file."""


class QwenControl(QwenImage):
    """Qwen-Image held to the edges or the depth of a reference."""

    noise_first = False

    def __init__(self, variant: Variant, device: str, place: Place) -> None:
        super().__init__(variant, device, place)
        self._control = open_control(variant, place)
        self.beside = self._control.models
        parts = ("config.json", "diffusion_pytorch_model.safetensors")
        found = find_weights(variant.companions[CONTROLNET], parts, place)
        dtype = DTYPES[variant.dtype]
        controlnet = load_model(QwenImageControlNetModel, found.path, dtype)
        self.pipe = QwenImageControlNetPipeline(**self.pipe.components, controlnet=controlnet)
        self.pipe.set_progress_bar_config(disable=True)
        digests = (self.weights_digest, found.digest, self._control.digest)
        self.weights_digest = joined_digest(filter(None, digests))

    def pictures(self, request: ImageRequest, inputs: Inputs) -> dict[str, Any]:
        """Hand on what is taken of the only reference, in the request's size."""
        (reference,) = inputs.references
        shown = fitted(reference, request.width, request.height)
        return {"control_image": self._control.taken(shown)}
