"""FLUX.1 Kontext, Fill, Canny and Depth on the stock pipelines: what is particular to them.

Each is FLUX.1 dev with weights of its own, of the same parts.
"""

from dataclasses import replace
from typing import Any

from diffusers import FluxControlPipeline, FluxFillPipeline, FluxKontextPipeline

from engine.families.control import open_control
from engine.families.flux1 import Flux1
from engine.pictures.controls import fitted
from engine.pictures.inputs import Inputs
from engine.request import ImageRequest
from engine.variants.catalog import Variant
from engine.weights.finding import Place, joined_digest

PLAIN = replace(Flux1.kits[0], canvas=None, masked=None)


class Kontext(Flux1):
    """Draws anew what the reference shows."""

    kits = (replace(PLAIN, pipeline=FluxKontextPipeline),)
    unseen = (None,)

    def pictures(self, request: ImageRequest, inputs: Inputs) -> dict[str, Any]:
        """Hand on the reference, which the pipeline brings to a size the model has learnt.

        It brings the picture to a megapixel too unless told the area that is asked for.
        """
        (reference,) = inputs.references
        return {"image": reference, "max_area": request.width * request.height}


class Fill(Flux1):
    """Paints what a mask marks, of words and of what is around it."""

    kits = (replace(PLAIN, pipeline=FluxFillPipeline, masked=FluxFillPipeline),)
    noise_first = False


class Control(Flux1):
    """Held to the edges or the depth of a reference, whichever the weights have learnt."""

    kits = (replace(PLAIN, pipeline=FluxControlPipeline),)
    noise_first = False

    def __init__(self, variant: Variant, device: str, place: Place) -> None:
        super().__init__(variant, device, place)
        self._control = open_control(variant, place)
        self.beside = self._control.models
        digests = (self.weights_digest, self._control.digest)
        self.weights_digest = joined_digest(filter(None, digests))

    def pictures(self, request: ImageRequest, inputs: Inputs) -> dict[str, Any]:
        """Hand on what is taken of the only reference, in the request's size."""
        (reference,) = inputs.references
        shown = fitted(reference, request.width, request.height)
        return {"control_image": self._control.taken(shown)}
