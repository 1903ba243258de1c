"""A file of anybody's looked at: what it says about itself, and the hash of its pixels. Pure."""

import io
from dataclasses import dataclass, field

from PIL import Image

from engine.labels import reading
from engine.labels.labelling import Labels
from engine.labels.reading import Found
from engine.pictures.images import pixel_sha256
from engine.pictures.uploads import BROKEN, FORMATS

MOST_PIXELS = 40_000_000
"""More than is ever drawn here: of a larger picture the pixels are not looked at."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a file says, and the hash of its pixels where they can be read.

    `pixels` is None too where a picture is too large or moves.
    """

    found: Found = field(repr=False)
    pixels: str | None
    is_picture: bool


def look(content: bytes, labels: Labels) -> Looked:
    """Look at a file of any kind."""
    try:
        pixels, is_picture = _pixels(content), True
    except Image.DecompressionBombError:
        pixels, is_picture = None, True
    except BROKEN:
        pixels, is_picture = None, False
    return Looked(reading.read(content, labels), pixels, is_picture)


def _pixels(content: bytes) -> str | None:
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        if image.width * image.height > MOST_PIXELS or getattr(image, "n_frames", 1) > 1:
            return None
        return pixel_sha256(image.convert("RGB"))
