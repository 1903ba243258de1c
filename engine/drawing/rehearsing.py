"""Finds how many rows share a forward before anybody waits for it, a variant's sizes in turn.

A picture is begun for each as for a member, and left at its first forward. Knows no architecture.
"""

import time
from collections.abc import Callable
from typing import Any

import structlog
import torch

from engine import errors
from engine.drawing.meeting import Drawing
from engine.drawing.sharing import Sharing
from engine.request import ImageRequest
from engine.variants.catalog import Variant

PROMPT = "a picture"

log = structlog.get_logger()


@torch.no_grad()
def rehearse(
    begin: Callable[[ImageRequest], Drawing[Any]],
    sharing: Sharing,
    variant: Variant,
    within_s: float,
) -> None:
    """Measure the sizes that have a name, the default one first; none is begun too late."""
    until = time.monotonic() + within_s
    for name, (width, height) in variant.sizes.presets.items():
        if time.monotonic() > until:
            log.info("rows are measured when pictures of this size meet", size=name)
            continue
        drawing = begin(_plain(variant, width, height))
        drawing.resume()
        if drawing.call is None:
            log.error("rows could not be measured", size=name, exc_info=drawing.error)
            return
        sharing.learn(drawing.call)
        drawing.stop(errors.GenerationCancelled())


def _plain(variant: Variant, width: int, height: int) -> ImageRequest:
    return ImageRequest(
        variant=variant.name,
        prompt=PROMPT,
        negative="",
        width=width,
        height=height,
        steps=variant.steps.default,
        guidance=variant.guidance.default,
        seed=0,
    )
