"""Pictures as bytes: the pixel hash, PNG files and the recipe inside them; needs no torch."""

import hashlib
import io
import json
import struct
import zlib
from collections.abc import Iterator
from typing import NoReturn, get_origin, get_type_hints

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from engine import errors
from engine.recipe import Recipe
from engine.request import ImageRequest

KEYWORD = "reroll"
"""Keyword of the PNG text chunk that holds the recipe."""

FILE_LIMIT = 64 * 2**20
RECIPE_LIMIT = 64 * 2**10
CHUNK_LIMIT = 16384
"""Bytes and chunks: far above what the engine writes, small enough to read from a stranger."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def pixel_sha256(image: Image.Image) -> str:
    """Return the sha256 of the ASCII text `RGB WIDTHxHEIGHT`, a line feed and the RGB8 rows."""
    head = f"RGB {image.width}x{image.height}\n".encode()
    return hashlib.sha256(head + image.tobytes()).hexdigest()


def to_png(image: Image.Image, recipe: Recipe | None = None) -> bytes:
    """Return the picture as PNG, with the recipe as a tEXt chunk where there is one."""
    info = PngInfo()
    if recipe is not None:
        info.add_text(KEYWORD, recipe.dumps())
    file = io.BytesIO()
    # Level 6 takes 2.5 times as long for a 1 MP photograph and saves nothing.
    image.save(file, "PNG", pnginfo=info, compress_level=4)
    return file.getvalue()


def read_recipe(png: bytes) -> Recipe:
    """Return the recipe inside a PNG that may come from a stranger. Raises RecipeUnreadable.

    Chunks are walked by hand: no pixel is decoded, so no small file can grow in memory.
    """
    if len(png) > FILE_LIMIT:
        raise errors.RecipeUnreadable(reason="file_too_large")
    for kind, body in _chunks(png):
        keyword, separator, text = body.partition(b"\0")
        if kind == b"tEXt" and separator and keyword == KEYWORD.encode():
            return _recipe(text)
    raise errors.RecipeUnreadable(reason="no_recipe")


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    if not png.startswith(_SIGNATURE):
        raise errors.RecipeUnreadable(reason="not_png")
    at = len(_SIGNATURE)
    for _ in range(CHUNK_LIMIT):
        if at == len(png):
            return
        length, kind = struct.unpack_from(">I4s", png, at) if at + 8 <= len(png) else (0, b"")
        body = png[at + 8 : at + 8 + length]
        check = png[at + 8 + length : at + 12 + length]
        if check != struct.pack(">I", zlib.crc32(kind + body)):
            raise errors.RecipeUnreadable(reason="damaged")
        yield kind, body
        at += 12 + length
    raise errors.RecipeUnreadable(reason="too_many_chunks")


def _recipe(text: bytes) -> Recipe:
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
