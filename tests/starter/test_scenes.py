"""How scenes look."""

import random
from pathlib import Path

import numpy as np
import pytest

from starter.catalog import load_catalog
from starter.errors import FontMissingError
from starter.scenes import FONT, draw, random_scene

needs_font = pytest.mark.skipif(not FONT.is_file(), reason="needs fonts-noto-color-emoji")


def test_a_missing_font_names_the_package_to_install() -> None:
    scene = random_scene(random.Random(0), 0, 0)
    with pytest.raises(FontMissingError, match="fonts-noto-color-emoji"):
        draw(scene, "🐼", (255, 0, 0), 32, Path("/nonexistent.ttf"))


@needs_font
def test_a_scene_has_a_thing_on_its_colour_and_is_drawn_the_same_twice() -> None:
    catalog = load_catalog()
    scene = random_scene(random.Random(1), 0, 0)
    rgb = catalog.backgrounds[0].rgb
    first = draw(scene, catalog.things[0].emoji, rgb, 64, FONT)
    again = draw(scene, catalog.things[0].emoji, rgb, 64, FONT)
    assert first.shape == (64, 64, 3)
    assert tuple(first[0, 0]) == rgb
    assert (first != np.array(rgb, np.uint8)).any()
    assert np.array_equal(first, again)


def test_things_stay_inside_the_picture() -> None:
    rng = random.Random(2)
    for _ in range(200):
        scene = random_scene(rng, 0, 0)
        assert scene.scale / 2 <= min(scene.x, scene.y, 1 - scene.x, 1 - scene.y)
