"""Whether the same order drawn again comes out the same, and if not, why. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any

from engine.request import GenerationRequest
from store.tables.orders import Generation, Image

MACHINE = ("device", "threads", "mode", "dtype")
MODEL = ("variant_digest", "weights_digest", "scheduler")


class Comparison(StrEnum):
    """How a picture drawn from the same request compares; a key of its text."""

    IDENTICAL = "identical"
    MODEL = "model"
    LIBRARIES = "libraries"
    MACHINE = "machine"
    VENDOR = "vendor"
    UNEXPLAINED = "unexplained"


def compare(generation: Generation, parent: Generation | None) -> Comparison | None:
    """Compare pixel by pixel; None where it is another request, or nothing can be compared."""
    if parent is None or _request(parent) != _request(generation):
        return None
    # By seed: one picture of four may have been drawn again.
    theirs = {image.seed: image for image in parent.images if image.pixel_sha256}
    pairs = [
        (theirs[mine.seed], mine)
        for mine in generation.images
        if mine.pixel_sha256 and mine.seed in theirs
    ]
    if not pairs:
        return None
    different = (pair for pair in pairs if pair[0].pixel_sha256 != pair[1].pixel_sha256)
    return next((_reason(*pair) for pair in different), Comparison.IDENTICAL)


def foretold(drawn: Sequence[Image], means: Sequence[Mapping[str, Any]]) -> Comparison | None:
    """Compare the recipes of what was drawn with what each worker would draw it by now.

    IDENTICAL is a promise: every worker that may take it draws by the same. None where a worker
    or a recipe does not say.
    """
    recipes = [image.recipe for image in drawn if image.recipe]
    pairs = [(recipe, told) for recipe in recipes for told in means]
    known = [_differs({**recipe, "mode": _whole(recipe)}, told) for recipe, told in pairs if told]
    if reason := next(filter(None, known), None):
        return reason
    return Comparison.IDENTICAL if known and len(known) == len(drawn) * len(means) else None


def _whole(recipe: Mapping[str, Any]) -> str:
    # Tiles follow from the request, and no worker reports them.
    return str(recipe.get("mode", "")).partition(", painted in")[0]


def _request(generation: Generation) -> GenerationRequest:
    # Read, not compared as it lies there: an older version wrote fewer names for the same.
    return replace(GenerationRequest.from_json(generation.request), seeds=())


def _reason(before: Image, after: Image) -> Comparison:
    old, new = before.recipe or {}, after.recipe or {}
    # What a vendor changes on its side stands in no recipe.
    unnamed = Comparison.VENDOR if new.get("mode") == "vendor" else Comparison.UNEXPLAINED
    return _differs(old, {name: new.get(name) for name in {*old, *new}}) or unnamed


def _differs(old: Mapping[str, Any], new: Mapping[str, Any]) -> Comparison | None:
    changed = {name for name in new if old.get(name) != new[name]}
    for names, reason in (
        (MODEL, Comparison.MODEL),
        (("versions",), Comparison.LIBRARIES),
        (MACHINE, Comparison.MACHINE),
    ):
        if changed.intersection(names):
            return reason
    return None
