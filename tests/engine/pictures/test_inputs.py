"""Pictures to start from: the very files that were ordered, fitted to the request."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from engine.errors import InputLost
from engine.pictures import inputs, uploads
from engine.request import ImageRequest

REQUEST = ImageRequest(
    variant="toy",
    prompt="a cat",
    negative="",
    width=64,
    height=32,
    steps=2,
    guidance=1.0,
    seed=7,
)


def file(image: Image.Image) -> tuple[str, bytes]:
    content = uploads.to_file(image)
    return hashlib.sha256(content).hexdigest(), content


def test_the_canvas_and_its_mask_take_the_size_of_the_request() -> None:
    (canvas, one), (mask, two) = file(Image.new("RGB", (128, 64))), file(Image.new("L", (32, 16)))
    reference, three = file(Image.new("RGB", (40, 50), "red"))
    request = replace(REQUEST, canvas=canvas, mask=mask, references=(reference, reference))
    assert request.files == (reference, canvas, mask)
    opened = inputs.opened(request, {canvas: one, mask: two, reference: three})
    assert opened.canvas
    assert opened.canvas.size == (64, 32)
    assert opened.mask
    assert (opened.mask.size, opened.mask.mode) == ((64, 32), "L")
    assert [one.size for one in opened.references] == [(40, 50), (40, 50)]


@pytest.mark.parametrize("content", [None, b"", b"something else"])
def test_another_file_than_the_ordered_one_is_not_drawn_from(content: bytes | None) -> None:
    name, _ = file(Image.new("RGB", (64, 32)))
    with pytest.raises(InputLost):
        inputs.opened(replace(REQUEST, canvas=name), {} if content is None else {name: content})


def test_what_the_mask_keeps_stays_to_the_last_pixel() -> None:
    canvas, drawn = Image.new("RGB", (64, 64), "red"), Image.new("RGB", (64, 64), "blue")
    mask = Image.new("L", (64, 64))
    mask.paste(255, (32, 0, 64, 64))
    finished = np.asarray(inputs.Inputs(canvas=canvas, mask=mask).finished(drawn))
    assert (finished[:, :32] == (255, 0, 0)).all()
    assert (finished[:, 40:] == (0, 0, 255)).all()
    assert inputs.Inputs(canvas=canvas).finished(drawn) is drawn
