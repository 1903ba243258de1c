"""A stranger's file read: what it says about itself, and whether that can be believed."""

from dataclasses import dataclass, field

from engine.errors import RecipeUnreadable
from engine.labels import png, tags
from engine.labels.aigc import Aigc
from engine.labels.labelling import Labels
from engine.labels.seal import UNSIGNED, Signed
from engine.pictures.images import parsed
from engine.recipe import Recipe

FILE_LIMIT = 64 * 2**20


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
    if not text:
        return None
    try:
        return parsed(text.encode())
    except RecipeUnreadable:
        return None
