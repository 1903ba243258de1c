"""Pictures as bytes: the pixel hash, PNG files and the recipe inside them; needs no torch."""

import hashlib
import io
import json
import zlib
from typing import NoReturn, get_origin, get_type_hints

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from engine import errors
from engine.labels import png as png_file
from engine.labels.png import PngBroken
from engine.labels.tags import RECIPE as KEYWORD
from engine.labels.tags import RECIPE_LIMIT
from engine.recipe import Recipe
from engine.request import ImageRequest

FILE_LIMIT = 64 * 2**20
"""Bytes: far above what the engine writes, small enough to read from a stranger."""


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


def read_recipe(png: bytes) -> Recipe:
    """Return the recipe inside a PNG that may come from a stranger. Raises RecipeUnreadable.

    Chunks are walked by hand: no pixel is decoded, so no small file can grow in memory.
    """
    if len(png) > FILE_LIMIT:
        raise errors.RecipeUnreadable(reason="file_too_large")
    try:
        for kind, body in png_file.chunks(png):
            keyword, text = png_file.text(body) if kind == b"tEXt" else ("", b"")
            if keyword == KEYWORD:
                return parsed(text)
    except PngBroken as error:
        raise errors.RecipeUnreadable(reason=error.reason) from error
    raise errors.RecipeUnreadable(reason="no_recipe")


def parsed(text: bytes) -> Recipe:
    """Return the recipe that a stranger's text is. Raises RecipeUnreadable."""
    if len(text) > RECIPE_LIMIT:
        raise errors.RecipeUnreadable(reason="recipe_too_large")
    try:
        values = json.loads(text, parse_constant=_refuse_constant)
        # A lone surrogate is valid JSON, yet no file or database takes it.
        json.dumps(values, ensure_ascii=False).encode()
        recipe = Recipe.from_json(values)
        _check_types(recipe)
        _check_types(recipe.request)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise errors.RecipeUnreadable(reason="not_a_recipe") from error
    return recipe


def _check_types(values: Recipe | ImageRequest) -> None:
    for field, kind in get_type_hints(type(values)).items():
        plain = get_origin(kind) or kind
        allowed = (int, float) if plain is float else (plain,)
        value = getattr(values, field)
        if type(value) not in allowed:
            raise TypeError(f"{field} is no {plain.__name__}")
        if plain is tuple and not all(type(one) is str for one in value):
            raise TypeError(f"{field} holds something else than texts")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
