"""What the engine asks of an architecture, and where each one's code stands; loads none itself."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from PIL import Image

from engine.loras.wearer import Wearer
from engine.memory.levers import Levers
from engine.pictures.inputs import Inputs
from engine.request import ImageRequest
from engine.variants.catalog import Variant
from engine.vendor.charge import Charge
from engine.weights.finding import Place

FAMILIES: Mapping[str, str] = {
    "qwen_image": "engine.families.qwen_image:QwenImage",
    "qwen_edit": "engine.families.qwen_edit:QwenEdit",
    "qwen_control": "engine.families.qwen_control:QwenControl",
    "flux1": "engine.families.flux1:Flux1",
    "flux1_kontext": "engine.families.flux1_tools:Kontext",
    "flux1_fill": "engine.families.flux1_tools:Fill",
    "flux1_control": "engine.families.flux1_tools:Control",
    "flux1_redux": "engine.families.flux1_redux:Redux",
    "flux2": "engine.families.flux2:Flux2",
    "z_image": "engine.families.z_image:ZImage",
    "bfl": "engine.families.bfl:Bfl",
}

Preview = Callable[[], Image.Image]
Kind = tuple[str, str, int, int]
"""A variant, the digest of its weights, and a picture's size."""


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

    def draw(self, request: ImageRequest, inputs: Inputs, after_step: AfterStep) -> Image.Image:
        """Draw one picture; what `after_step` raises ends it and leaves the family usable."""


class Local(Family, Wearer, Protocol):
    """A family whose weights lie in this machine's memory: read into main memory, then seated."""

    def seat(self, levers: Levers) -> None:
        """Bring the weights to the device, as the levers say."""

    def rest(self) -> None:
        """Leave the device, but for what always lies there: another variant is to draw."""

    def weight(self) -> Mapping[str, int]:
        """Return the bytes of all weights by the device that they rest on."""

    def kind(self, width: int, height: int) -> Kind:
        """Return for what it is measured how many pictures of such a size share a forward."""


def open_family(variant: Variant, device: str, place: Place) -> Family:
    """Open what a vendor hosts. Raises LookupError for an unknown family."""
    opened: Family = _opened(variant, device, place)
    return opened


def open_local(variant: Variant, device: str, place: Place) -> Local:
    """Read a variant's weights into main memory. Raises LookupError for an unknown family."""
    opened: Local = _opened(variant, device, place)
    return opened


def _opened(variant: Variant, device: str, place: Place) -> Any:
    if variant.family not in FAMILIES:
        raise LookupError(f"no family {variant.family!r}; known: {', '.join(FAMILIES)}")
    module, _, name = FAMILIES[variant.family].partition(":")
    return getattr(importlib.import_module(module), name)(variant, device, place)
