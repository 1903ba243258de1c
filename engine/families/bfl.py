"""The models that Black Forest Labs hosts: asked for over its API, paid for, and not on any device.

Endpoints are named and described in the variants' files; the client does not know a variant.
"""

from typing import Any

import structlog
from PIL import Image

from engine.family import AfterStep
from engine.pictures.inputs import Inputs
from engine.request import ImageRequest
from engine.variants.catalog import Variant
from engine.vendor import errors
from engine.vendor.answers import NAME, estimated
from engine.vendor.body import FORMS, body
from engine.vendor.endpoints import ENDPOINTS
from engine.vendor.faults import Unsendable, Unusable
from engine.vendor.job import Job, Told
from engine.vendor.pictures import decoded
from engine.weights.finding import Place

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
        if variant.vendor.pictures not in FORMS:
            raise LookupError(f"no form {variant.vendor.pictures!r} of pictures")
        if place.vendor is None:
            raise errors.VendorKeyRefused(variant=variant.name)
        self._vendor = place.vendor
        self._variant, self._hosted, self._endpoint = variant, variant.vendor, endpoint
        self.weights_digest = f"{NAME}/v1/{endpoint}"
        self.scheduler: dict[str, Any] = {"class": NAME, **variant.vendor.sent}

    def draw(self, request: ImageRequest, inputs: Inputs, after_step: AfterStep) -> Image.Image:
        """Have one picture drawn. Raises VendorFailed, or what `after_step` raises."""

        def watch(told: Told) -> None:
            after_step(told.percent, None, total=WHOLE, charge=told.charge)

        drawn = self._vendor.draw(self._job(request, inputs), watch)
        watch(Told(WHOLE, drawn.charge))
        try:
            image = decoded(drawn.file)
        except Unusable as fault:
            log.warning("vendor's picture cannot be used", fault=str(fault))
            raise errors.VendorFailed(variant=self._variant.name) from fault
        return self._sized(image, request, inputs)

    def _job(self, request: ImageRequest, inputs: Inputs) -> Job:
        count = len(request.references)
        try:
            sent = body(self._variant, self._hosted, request, inputs)
        except Unsendable as fault:
            log.warning("pictures cannot be sent", endpoint=self._endpoint, fault=str(fault))
            raise errors.VendorRejected(variant=self._variant.name) from fault
        return Job(
            variant=self._variant.name,
            endpoint=self._endpoint,
            body=sent,
            estimate=estimated(self._hosted.estimate(request.width, request.height, count)),
        )

    def _sized(self, image: Image.Image, request: ImageRequest, inputs: Inputs) -> Image.Image:
        size = (request.width, request.height)
        if image.size == size:
            return image
        log.warning("vendor's picture has another size", size=image.size)
        # What the mask keeps is put back at its place on the canvas, so the two must fit.
        return image.resize(size, Image.Resampling.LANCZOS) if inputs.canvas else image
