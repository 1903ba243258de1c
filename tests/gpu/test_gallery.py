"""What the runs on an accelerator are judged by, tried with the starter on any machine."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from engine.engine import Engine
from engine.variants.catalog import Catalog
from tests.gpu import gallery

TEXTS = ("a panda on a red background", "红色背景上的熊猫")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def shots(out: Path) -> tuple[gallery.Shot, ...]:
    variant = Catalog.load(["starter-lightning"]).default
    return gallery.draw(Engine(device="cpu"), variant, TEXTS, out)


def test_every_text_is_drawn_twice_and_kept_with_its_figures(
    shots: tuple[gallery.Shot, ...], out: Path
) -> None:
    summary = json.loads((out / "starter-lightning.json").read_text(encoding="utf-8"))
    assert [shot["prompt"] for shot in summary["shots"]] == list(TEXTS)
    assert (summary["seed"], summary["steps"], summary["mode"]) == (42, 4, "float32; exact")
    for shot in shots:
        assert shot.is_same_again
        assert not shot.is_flat
        assert shot.seconds > 0
        with Image.open(out / "starter-lightning" / shot.file) as picture:
            assert picture.size == (128, 128)
    assert len({shot.pixel_sha256 for shot in shots}) == len(TEXTS)


def test_what_is_flat_or_another_picture_is_told(shots: tuple[gallery.Shot, ...]) -> None:
    grey = gallery.spread(Image.new("RGB", (64, 64), "grey"))
    assert replace(shots[0], spread=grey).is_flat
    assert not replace(shots[0], again_sha256=shots[1].pixel_sha256).is_same_again


def test_prompts_are_those_of_the_file_or_else_our_own_in_both_languages(tmp_path: Path) -> None:
    assert gallery.prompts(tmp_path / "none.txt") == gallery.OWN
    assert any(text.isascii() for text in gallery.OWN)
    assert any(not text.isascii() for text in gallery.OWN)
    (tmp_path / "some.txt").write_text("a cat\n\n一只猫\n", encoding="utf-8")
    assert gallery.prompts(tmp_path / "some.txt") == ("a cat", "一只猫")
