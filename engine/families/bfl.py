"""The models that Black Forest Labs hosts: asked for over its API, paid for, and not on any device.

Endpoints are named and described in the variants' files; the client does not know a variant.
"""

from collections.abc import Mapping
from typing import Any

import structlog
from PIL import Image

from engine import errors
from engine.catalog import Variant
from engine.family import AfterStep
from engine.request import ImageRequest
from engine.vendor.answers import NAME, estimated
from engine.vendor.endpoints import ENDPOINTS
from engine.vendor.faults import Unusable
from engine.vendor.hosted import Hosted
from engine.vendor.job import Job, Told
from engine.vendor.pictures import decoded
from engine.weights import Place

WHOLE = 100
"""Progress is told in per cent."""

log = structlog.get_logger()


class Bfl:
    """One endpoint of the vendor's; its digest is its name, since its weights are never seen."""

    packages: tuple[str, ...] = ()

    def __init__(self, variant: Variant, _device: str, place: Place) -> None:
        """Find the endpoint. Raises LookupError for one that is not known, VendorKeyRefused."""
        endpoint = variant.weights.source
        if endpoint not in ENDPOINTS or variant.vendor is None:
            raise LookupError(f"no endpoint {endpoint!r}; known: {', '.join(ENDPOINTS)}")
        if place.vendor is None:
            raise errors.VendorKeyRefused(variant=variant.name)
        self._vendor = place.vendor
        self._variant, self._hosted, self._endpoint = variant, variant.vendor, endpoint
        self.weights_digest = f"{NAME}/v1/{endpoint}"
        self.scheduler: dict[str, Any] = {"class": NAME, **variant.vendor.sent}

    def draw(self, request: ImageRequest, after_step: AfterStep) -> Image.Image:
        """Have one picture drawn. Raises VendorFailed, or what `after_step` raises."""

        def watch(told: Told) -> None:
            after_step(told.percent, None, total=WHOLE, charge=told.charge)

        drawn = self._vendor.draw(self._job(request), watch)
        watch(Told(WHOLE, drawn.charge))
        try:
            image = decoded(drawn.file)
        except Unusable as fault:
            log.warning("vendor's picture cannot be used", fault=str(fault))
            raise errors.VendorFailed(variant=self._variant.name) from fault
        if image.size != (request.width, request.height):
            log.warning("vendor's picture has another size", size=image.size)
        return image

    def _job(self, request: ImageRequest) -> Job:
        return Job(
            variant=self._variant.name,
            endpoint=self._endpoint,
            body=_body(self._variant, self._hosted, request),
            estimate=estimated(self._hosted.estimate(request.width, request.height)),
        )


def _body(variant: Variant, hosted: Hosted, request: ImageRequest) -> Mapping[str, Any]:
    size = (request.width, request.height)
    preset = next((name for name, one in variant.sizes.presets.items() if one == size), "")
    values = {
        "width": request.width,
        "height": request.height,
        "aspect_ratio": hosted.aspect_ratios.get(preset),
        "seed": request.seed,
        "steps": request.steps,
        "guidance": request.guidance,
    }
    return {"prompt": request.prompt, **hosted.sent, **{key: values[key] for key in hosted.takes}}
