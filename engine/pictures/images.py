"""Pictures as bytes: the pixel hash, and PNG files with the recipe inside; needs no torch."""

import hashlib
import io
import zlib

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from engine.labels.tags import RECIPE as KEYWORD
from engine.recipe import Recipe


def pixel_sha256(image: Image.Image) -> str:
    """Return the sha256 of the ASCII text `RGB WIDTHxHEIGHT`, a line feed and the RGB8 rows."""
    head = f"RGB {image.width}x{image.height}\n".encode()
    return hashlib.sha256(head + image.tobytes()).hexdigest()


def to_png(image: Image.Image, recipe: Recipe | None = None) -> bytes:
    """Return the picture as PNG, with the recipe as a tEXt chunk where there is one."""
    info = PngInfo()
    if recipe is not None:
        info.add_text(KEYWORD, recipe.dumps())
    return encoded(image, info)


def encoded(image: Image.Image, info: PngInfo | None = None) -> bytes:
    """Return the picture as PNG."""
    file = io.BytesIO()
    # zlib's strategy for PNG: of a 1 MP photograph as small as level 4 in less than half the time.
    image.save(file, "PNG", pnginfo=info, compress_type=zlib.Z_RLE)
    return file.getvalue()
