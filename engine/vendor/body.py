"""The body of a submission: what of a request, and of its pictures, an endpoint is sent.

Pictures go as base64 of plain PNGs, without anything that stood in their files. It knows no HTTP,
and nothing that it makes belongs into a log.
"""

import base64
import io
from collections.abc import Callable, Mapping
from typing import Any

from PIL import Image, ImageChops

from engine.pictures.inputs import Inputs
from engine.request import ImageRequest
from engine.variants.catalog import Variant
from engine.variants.vendor import Hosted, reference_pixels
from engine.vendor.faults import Unsendable

LEAST_SIDE = 64
"""The smallest that FLUX.2 reads; a smaller reference is enlarged."""
WHITE = 255
CORNERS = 0.01
"""What a rectangle may lack of its area: one that was resized has lost its corners."""

Size = tuple[int, int]


def body(
    variant: Variant, hosted: Hosted, request: ImageRequest, inputs: Inputs
) -> Mapping[str, Any]:
    """Return the body. Raises Unsendable for pictures that the endpoint has no form for."""
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
    return {
        "prompt": request.prompt,
        **hosted.sent,
        **{key: values[key] for key in hosted.takes},
        **FORMS[hosted.pictures](inputs, size),
    }


def _nothing(_inputs: Inputs, _size: Size) -> Mapping[str, Any]:
    return {}


def _references(inputs: Inputs, size: Size) -> Mapping[str, Any]:
    count = len(inputs.references)
    return {
        f"input_image_{number}" if number > 1 else "input_image": _base64(
            _fitted(picture, reference_pixels(*size, count))
        )
        for number, picture in enumerate(inputs.references, 1)
    }


def _masked(inputs: Inputs, _size: Size) -> Mapping[str, Any]:
    canvas, mask = _canvas_and_mask(inputs)
    return {"image": _base64(canvas), "mask": _base64(mask)}


def _border(inputs: Inputs, _size: Size) -> Mapping[str, Any]:
    """Return what the mask keeps of the canvas, and how much is to be added on each side of it."""
    canvas, mask = _canvas_and_mask(inputs)
    kept = ImageChops.invert(mask)
    box = kept.getbbox()
    inside = kept.crop(box).histogram()
    if box is None or inside[0] > CORNERS * sum(inside):
        raise Unsendable("a mask that is not the border of a rectangle")
    left, top, right, bottom = box
    if (right - left, bottom - top) == canvas.size:
        raise Unsendable("a mask that adds nothing")
    return {
        "image": _base64(canvas.crop(box)),
        "top": top,
        "bottom": canvas.height - bottom,
        "left": left,
        "right": canvas.width - right,
    }


def _canvas_and_mask(inputs: Inputs) -> tuple[Image.Image, Image.Image]:
    if inputs.canvas is None or inputs.mask is None:
        raise Unsendable("no canvas, or no mask")
    # The API wants black and white; the greys of a soft edge count where the picture is put back.
    sharp = inputs.mask.point(lambda level: WHITE if level > WHITE // 2 else 0)
    return inputs.canvas, sharp


def _fitted(picture: Image.Image, most_pixels: int) -> Image.Image:
    width, height = picture.size
    share = (most_pixels / (width * height)) ** 0.5
    if share >= 1:
        share = max(1.0, LEAST_SIDE / min(width, height))
    if share == 1:
        return picture
    size = (max(LEAST_SIDE, int(width * share)), max(LEAST_SIDE, int(height * share)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _base64(picture: Image.Image) -> str:
    file = io.BytesIO()
    # A copy of the pixels alone: Pillow would write a colour profile that the file came with.
    bare = Image.frombytes(picture.mode, picture.size, picture.tobytes())
    bare.save(file, "PNG", compress_level=4)
    return base64.b64encode(file.getvalue()).decode("ascii")


FORMS: Mapping[str, Callable[[Inputs, Size], Mapping[str, Any]]] = {
    "": _nothing,
    "references": _references,
    "masked": _masked,
    "border": _border,
}
"""By the name in a variant's file: `input_image` and on, `image` and `mask`, `image` and sides."""
