"""Whether the same order drawn again came out the same, and if not, why. Pure."""

from dataclasses import replace
from enum import StrEnum

from engine.request import GenerationRequest
from store.tables import Generation, Image

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


def _request(generation: Generation) -> GenerationRequest:
    # Read, not compared as it lies there: an older version wrote fewer names for the same.
    return replace(GenerationRequest.from_json(generation.request), seeds=())


def _reason(before: Image, after: Image) -> Comparison:
    old, new = before.recipe or {}, after.recipe or {}
    changed = {key for key in {*old, *new} if old.get(key) != new.get(key)}
    for keys, reason in (
        (MODEL, Comparison.MODEL),
        (("versions",), Comparison.LIBRARIES),
        (MACHINE, Comparison.MACHINE),
    ):
        if changed.intersection(keys):
            return reason
    # What a vendor changes on its side stands in no recipe.
    return Comparison.VENDOR if new.get("mode") == "vendor" else Comparison.UNEXPLAINED
