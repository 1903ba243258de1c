"""Pictures that a request starts from, opened and fitted to it; torch-free, knows no model."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageFilter

from engine.errors import InputLost
from engine.request import Drawn

FEATHER = 1 / 128
"""Of the longer side: how far inside the mask's edge old and new are mixed."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """RGB pictures, and a mask in greys: white is drawn anew, black stays as it is.

    `canvas` and `mask` have the request's size; `references` keep their own.
    """

    references: tuple[Image.Image, ...] = ()
    canvas: Image.Image | None = None
    mask: Image.Image | None = None

    def finished(self, drawn: Image.Image) -> Image.Image:
        """Return the picture with the canvas's own pixels wherever the mask keeps them.

        The latents have no such edge: what is kept would come back a little blurred.
        """
        if self.canvas is None or self.mask is None:
            return drawn
        blurred = self.mask.filter(ImageFilter.GaussianBlur(max(drawn.size) * FEATHER))
        return Image.composite(drawn, self.canvas, ImageChops.darker(self.mask, blurred))


NOTHING = Inputs()


def opened(request: Drawn, files: Mapping[str, bytes]) -> Inputs:
    """Open the files that `request` names. Raises InputLost where one is not what it names."""
    size = (request.width, request.height)
    canvas, mask = (
        _open(name, files).convert(mode).resize(size, Image.Resampling.LANCZOS) if name else None
        for name, mode in ((request.canvas, "RGB"), (request.mask, "L"))
    )
    return Inputs(
        references=tuple(_open(name, files).convert("RGB") for name in request.references),
        canvas=canvas,
        mask=mask,
    )


def _open(name: str, files: Mapping[str, bytes]) -> Image.Image:
    content = files.get(name, b"")
    # The recipe promises this very file: another picture would be another order.
    if hashlib.sha256(content).hexdigest() != name:
        raise InputLost
    return Image.open(io.BytesIO(content), formats=["PNG"])
