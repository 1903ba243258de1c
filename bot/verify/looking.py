"""A file of anybody's looked at: what it says about itself, and the hash of its pixels. Pure."""

import io
from dataclasses import dataclass, field

from PIL import Image

from engine.images import pixel_sha256
from engine.labels import reading
from engine.labels.labelling import Labels
from engine.labels.reading import Found
from engine.uploads import BROKEN, FORMATS

MOST_PIXELS = 40_000_000
"""More than is ever drawn here: of a larger picture the pixels are not looked at."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a file says, and the hash of its pixels where they can be read."""

    found: Found = field(repr=False)
    pixels: str | None


def look(content: bytes, labels: Labels) -> Looked:
    """Look at a file of any kind."""
    return Looked(reading.read(content, labels), _pixels(content))


def _pixels(content: bytes) -> str | None:
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS or getattr(image, "n_frames", 1) > 1:
                return None
            return pixel_sha256(image.convert("RGB"))
    except (*BROKEN, Image.DecompressionBombError):
        return None
