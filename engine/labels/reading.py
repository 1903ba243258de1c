"""A stranger's file read: what it says about itself, and whether that can be believed."""

import json
from dataclasses import dataclass, field
from typing import NoReturn, get_args, get_origin, get_type_hints

from engine.labels import png, tags
from engine.labels.aigc import Aigc
from engine.labels.labelling import Labels
from engine.labels.seal import UNSIGNED, Signed
from engine.recipe import Recipe
from engine.request import ImageRequest, LoraUse

FILE_LIMIT = 64 * 2**20
"""Bytes: far above what the engine writes, small enough to read from a stranger."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a file says: a recipe without words is one whose member kept them to themselves."""

    recipe: Recipe | None = field(default=None, repr=False)
    aigc: Aigc | None = None
    signed: Signed = UNSIGNED


def kind_of(content: bytes) -> str | None:
    """Return png, webp or jpeg by a file's first bytes; None for any other."""
    if content.startswith(png.SIGNATURE):
        return "png"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "webp"
    return "jpeg" if content.startswith(b"\xff\xd8\xff") else None


def read(content: bytes, labels: Labels) -> Found:
    """Return what a file says; nothing for one of a kind that we do not write."""
    kind = kind_of(content)
    if kind is None or len(content) > FILE_LIMIT:
        return Found()
    said = tags.read(content)
    return Found(_recipe(said.recipe), said.aigc, labels.check(content, kind))


def _recipe(text: str) -> Recipe | None:
    """Return the recipe that a stranger's text is, None where it is none."""
    if not text or len(text) > tags.RECIPE_LIMIT:
        return None
    try:
        values = json.loads(text, parse_constant=_refuse_constant)
        # A lone surrogate is valid JSON, yet no file or database takes it.
        json.dumps(values, ensure_ascii=False).encode()
        recipe = Recipe.from_json(values)
        _check_types(recipe)
        _check_types(recipe.request)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None
    return recipe


def _check_types(values: Recipe | ImageRequest | LoraUse) -> None:
    for field_, kind in get_type_hints(type(values)).items():
        plain = get_origin(kind) or kind
        value = getattr(values, field_)
        if type(value) not in ((int, float) if plain is float else (plain,)):
            raise TypeError(f"{field_} is no {plain.__name__}")
        if plain is tuple:
            _check_each(value, get_args(kind)[0])


def _check_each(values: tuple[object, ...], kind: type) -> None:
    for value in values:
        if type(value) is not kind:
            raise TypeError(f"one is no {kind.__name__}")
        if isinstance(value, LoraUse):
            _check_types(value)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
