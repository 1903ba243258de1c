"""One picture's way through a stock pipeline's callback: each step is reported, with a preview."""

from functools import partial
from typing import Any, Protocol

import torch
from PIL import Image

from engine.family import AfterStep
from engine.pictures.inputs import Inputs
from engine.request import ImageRequest


class Shown(Protocol):
    """A family whose latents can be shown on the way."""

    @property
    def noise_first(self) -> bool:
        """Tell whether a seed's noise can be foretold."""

    def start(self, request: ImageRequest) -> torch.Tensor:
        """Return the latents before the first step."""

    def preview(self, latents: torch.Tensor, request: ImageRequest) -> Image.Image:
        """Decode the picture that the latents estimate, small."""


class Following:
    """Follows one picture through the pipeline's callback and reports each step."""

    def __init__(
        self, family: Shown, request: ImageRequest, inputs: Inputs, report: AfterStep
    ) -> None:
        self._family = family
        self._request = request
        self._inputs = inputs
        self._report = report
        self._latents: torch.Tensor | None = None

    def __call__(
        self, pipe: Any, index: int, _timestep: torch.Tensor, values: dict[str, Any]
    ) -> dict[str, Any]:
        """Report a step that was done."""
        before, self._latents = self._latents, values["latents"]
        # What starts from a canvas leaves out the first steps.
        at = (pipe.scheduler.begin_index or 0) + index
        sigmas = pipe.scheduler.sigmas[at : at + 2]
        # Before the first step there is the canvas, which the pipeline does not report.
        foretold = self._family.noise_first and self._inputs.canvas is None
        seen = before is not None or foretold
        shown = partial(self._preview, before, self._latents, sigmas) if seen else None
        self._report(index + 1, shown, total=len(pipe.scheduler.timesteps) - at + index)
        return {}

    def _preview(
        self, before: torch.Tensor | None, after: torch.Tensor, sigmas: torch.Tensor
    ) -> Image.Image:
        if before is None:
            before = self._family.start(self._request)
        return self._family.preview(_clean(before, after, sigmas), self._request)


def _clean(before: torch.Tensor, after: torch.Tensor, sigmas: torch.Tensor) -> torch.Tensor:
    # A step moves along x0 + sigma * (noise - x0), so two points of it tell where sigma is 0.
    slope = (after.float() - before.float()) / (sigmas[1] - sigmas[0])
    return after.float() - sigmas[1] * slope
