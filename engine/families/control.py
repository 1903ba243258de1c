"""What a control family shows its model of the reference: its edges or its depth."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

import torch
from PIL import Image
from transformers import DepthAnythingForDepthEstimation, DPTImageProcessorPil

from engine.families.loading import load_model, load_processor
from engine.pictures import controls
from engine.variants.catalog import Variant
from engine.weights.finding import Place, find_weights

DEPTH = "depth"
"""The companion that estimates depth, by its name in a variant's file."""


class Control(ABC):
    """Makes a control picture; `digest` tells the weights of `models`, empty without any."""

    digest: str = ""
    models: tuple[torch.nn.Module, ...] = ()

    @abstractmethod
    def taken(self, picture: Image.Image) -> Image.Image:
        """Return the control picture, in colours that are greys, of the same size."""


class Edges(Control):
    """Canny's edges."""

    def taken(self, picture: Image.Image) -> Image.Image:
        """Return white edges on black."""
        return controls.edges(picture)


class Depth(Control):
    """Depth Anything's estimate: near is white."""

    def __init__(self, variant: Variant, place: Place) -> None:
        parts = ("config.json", "preprocessor_config.json", "model.safetensors")
        found = find_weights(variant.companions[DEPTH], parts, place)
        # In full precision whatever the variant's: it is small, and steps in depth are edges.
        self._model = load_model(DepthAnythingForDepthEstimation, found.path, torch.float32)
        self._processor = load_processor(DPTImageProcessorPil, found.path)
        self.digest, self.models = found.digest, (self._model,)

    @torch.no_grad()
    def taken(self, picture: Image.Image) -> Image.Image:
        """Return the estimate, spread over all greys."""
        device = next(self._model.parameters()).device
        seen = self._processor(images=picture, return_tensors="pt").to(device)
        estimate = self._model(**seen).predicted_depth[:, None]
        size = (picture.height, picture.width)
        depth = torch.nn.functional.interpolate(estimate, size=size, mode="bicubic")[0, 0].cpu()
        # Of a flat estimate no difference is left to divide by.
        span = (depth.max() - depth.min()).clamp(min=torch.finfo(depth.dtype).tiny)
        spread = (depth - depth.min()) / span
        return Image.fromarray((spread * 255).to(torch.uint8).numpy()).convert("RGB")


CONTROLS: Mapping[str, Callable[[Variant, Place], Control]] = {
    "canny": lambda _variant, _place: Edges(),
    "depth": Depth,
}


def open_control(variant: Variant, place: Place) -> Control:
    """Return what makes the variant's control pictures. Raises LookupError for an unknown one."""
    return CONTROLS[variant.accepts.control](variant, place)
