"""What the engine asks of an architecture, and where each one's code stands; loads none itself."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from PIL import Image

from engine.catalog import Variant
from engine.request import ImageRequest
from engine.vendor.charge import Charge
from engine.weights import Place

FAMILIES: Mapping[str, str] = {
    "qwen_image": "engine.families.qwen_image:QwenImage",
    "flux1": "engine.families.flux1:Flux1",
    "flux2": "engine.families.flux2:Flux2",
    "z_image": "engine.families.z_image:ZImage",
    "bfl": "engine.families.bfl:Bfl",
}

Preview = Callable[[], Image.Image]


class AfterStep(Protocol):
    """Called with the number of steps done and a function that draws a small preview, if any can.

    A vendor's family counts in a `total` of its own, and says what the picture costs.
    """

    def __call__(
        self,
        index: int,
        preview: Preview | None,
        /,
        *,
        total: int | None = None,
        charge: Charge | None = None,
    ) -> None:
        """Hear of a step; what this raises ends the picture."""


class Family(Protocol):
    """One variant's weights on a device, and the code that draws with them.

    `scheduler` is its full configuration; `packages` are the libraries that compute the pixels.
    """

    scheduler: dict[str, Any]
    weights_digest: str
    packages: tuple[str, ...]

    def draw(self, request: ImageRequest, after_step: AfterStep) -> Image.Image:
        """Draw one picture; what `after_step` raises ends it and leaves the family usable."""


def open_family(variant: Variant, device: str, place: Place) -> Family:
    """Load a variant's weights. Raises LookupError for an unknown family."""
    if variant.family not in FAMILIES:
        raise LookupError(f"no family {variant.family!r}; known: {', '.join(FAMILIES)}")
    module, _, name = FAMILIES[variant.family].partition(":")
    opened: Family = getattr(importlib.import_module(module), name)(variant, device, place)
    return opened
