"""A vendor's file made into pixels, without trusting it; knows no HTTP."""

import io

from PIL import Image

from engine.vendor.faults import Unusable

FORMATS = ("PNG", "JPEG", "WEBP")
MOST_PIXELS = 2**24
"""Four times the largest picture that is asked for; 48 MiB when decoded."""
UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
"""What Pillow raises on files that are damaged, of another format or made to burst."""


def decoded(file: bytes) -> Image.Image:
    """Return the picture as RGB; only its first frame, and nothing else of the file.

    Raises Unusable, for more than MOST_PIXELS before any of them is decoded.
    """
    try:
        with Image.open(io.BytesIO(file), formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise Unusable(f"a picture of {image.width}x{image.height}")
            return image.convert("RGB")
    except UNREADABLE as error:
        raise Unusable(f"a file that is no picture: {type(error).__name__}") from error
