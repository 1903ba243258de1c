"""How scenes look."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from starter.catalog import load_catalog
from starter.errors import FontMissingError
from starter.scenes import FONT, POSES, compose, draw, loose_scene
from starter.wishes import MOST, Relation, Style, Wish

CATALOG = load_catalog()
needs_font = pytest.mark.skipif(not FONT.is_file(), reason="needs fonts-noto-color-emoji")


def test_a_missing_font_names_the_package_to_install() -> None:
    with pytest.raises(FontMissingError, match="fonts-noto-color-emoji"):
        draw(compose(Wish(0, 0), CATALOG), 32, Path("/nonexistent.ttf"))


@needs_font
def test_a_scene_has_a_thing_on_its_colour_and_is_drawn_the_same_twice() -> None:
    scene = compose(Wish(0, 0), CATALOG)
    first, again = draw(scene, 64, FONT), draw(scene, 64, FONT)
    assert first.shape == (64, 64, 3)
    assert tuple(first[0, 0]) == scene.rgb
    assert (first != np.array(scene.rgb, np.uint8)).any()
    assert np.array_equal(first, again)


@needs_font
@pytest.mark.parametrize("style", list(Style))
def test_a_style_changes_the_thing_and_not_the_background(style: Style) -> None:
    plain = draw(compose(Wish(0, 3), CATALOG), 64, FONT).astype(int)
    styled = draw(compose(Wish(0, 3, style=style), CATALOG), 64, FONT).astype(int)
    changed = np.abs(plain - styled).max(axis=2) > 24
    assert tuple(styled[0, 0]) == CATALOG.backgrounds[3].rgb
    assert bool(changed.mean() > 0.02) is (style is not Style.PLAIN)


@pytest.mark.parametrize("count", range(1, MOST + 1))
def test_a_count_places_so_many_of_the_thing(count: int) -> None:
    items = compose(Wish(4, 0, count=count), CATALOG).items
    assert len(items) == count
    assert {item.emoji for item in items} == {CATALOG.things[4].emoji}
    assert len({(item.x, item.y) for item in items}) == count


def test_the_first_of_two_things_is_where_the_relation_says() -> None:
    def two(relation: Relation) -> tuple[float, float]:
        first, second = compose(Wish(1, 0, other=2, relation=relation), CATALOG).items
        assert first.emoji == CATALOG.things[1].emoji
        return first.x - second.x, first.y - second.y

    assert two(Relation.LEFT)[0] < 0
    assert two(Relation.RIGHT)[0] > 0
    assert two(Relation.ABOVE)[1] < 0
    assert two(Relation.BELOW)[1] > 0


def test_a_wish_that_leaves_something_open_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="Wish"):
        compose(Wish(None, 1), CATALOG)


def test_things_stay_inside_the_picture() -> None:
    rng = random.Random(2)
    loose = [loose_scene(rng, "x", (0, 0, 0)) for _ in range(200)]
    laid_out = [compose(replace(Wish(0, 0), count=n), CATALOG) for n in range(1, MOST + 1)]
    posed = [compose(Wish(0, 0), CATALOG, pose) for pose in POSES]
    for scene in (*loose, *laid_out, *posed):
        for item in scene.items:
            assert item.scale / 2 <= min(item.x, item.y, 1 - item.x, 1 - item.y)
