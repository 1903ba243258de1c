"""The recipe inside a file, by the way that product code takes."""

from engine.labels import reading
from engine.labels.labelling import Labels
from engine.recipe import Recipe


def inside(content: bytes) -> Recipe:
    """Return the recipe that a file of ours holds."""
    recipe = reading.read(content, Labels()).recipe
    assert recipe, "it holds none"
    return recipe
