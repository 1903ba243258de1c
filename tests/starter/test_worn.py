"""The print that a LoRA is taught, and how its likeness and its things are measured."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from starter import likeness, riso
from starter.catalog import load_catalog
from starter.judge import build_bank, save
from starter.prompts import load_speaker
from starter.recipe import TOY, Making
from starter.sample import as_tensor
from starter.scenes import FONT, compose, draw
from starter.wishes import Wish
from starter.worn import EitherJudge, Sheet, before_and_after, either

CATALOG = load_catalog()


@pytest.fixture(scope="module")
def making(tmp_path_factory: pytest.TempPathFactory) -> Making:
    folder = tmp_path_factory.mktemp("making")
    made = Making(replace(TOY, side=64), folder, FONT, folder / "weights")
    save(build_bank(made.catalog, 64, FONT), made.judge)
    return made


@pytest.fixture(scope="module")
def arbiter(making: Making) -> EitherJudge:
    return either(making)


def drawn(*wishes: Wish, printed: bool = False) -> torch.Tensor:
    by = riso.printed if printed else draw
    catalog = load_catalog(4)
    return as_tensor([Image.fromarray(by(compose(one, catalog), 64, FONT)) for one in wishes])


def test_twelve_things_are_taught_where_the_starter_has_seen_them(tmp_path: Path) -> None:
    taught = riso.lessons(CATALOG, load_speaker(CATALOG))
    assert [CATALOG.things[one.wish.thing].key for one in taught] == list(riso.THINGS)
    seen = set(CATALOG.seen())
    assert all((one.wish.thing, one.wish.background) in seen for one in taught)
    riso.write(taught, 64, FONT, tmp_path)
    pictures = sorted(tmp_path.glob("*.png"))
    assert len(pictures) == 12
    assert all(one.with_suffix(".txt").read_text("utf-8").strip() for one in pictures)


def test_a_print_has_two_inks_on_paper() -> None:
    picture = Image.fromarray(riso.printed(compose(Wish(0, 0), CATALOG), 64, FONT))
    assert picture.getpixel((0, 0)) == riso.PAPER


def test_either_judge_names_things_plain_and_printed(arbiter: EitherJudge) -> None:
    wishes = [Wish(thing, thing) for thing in range(4)]
    for printed in (False, True):
        assert arbiter.things(drawn(*wishes, printed=printed)).tolist() == [0, 1, 2, 3]
    # on a background that is in no catalog
    plain = drawn(*wishes, printed=False)
    assert arbiter.things(plain * 0.9 + 0.1).tolist() == [0, 1, 2, 3]


def test_distance_is_nothing_to_itself_and_grows_away_from_the_style() -> None:
    wishes = [Wish(thing, thing) for thing in range(4)]
    style = drawn(*wishes[:2], printed=True)
    assert likeness.distances(style, style)["all"] == 0
    others = likeness.distances(drawn(*wishes[2:], printed=True), style)
    plain = likeness.distances(drawn(*wishes[2:]), style)
    assert 0 < others["all"] < plain["all"]
    assert others["colours"] < plain["colours"] / 2
    assert set(plain) == {"all", "colours", "edges", "texture"}


def test_the_sheet_stands_by_twos_under_what_was_learnt() -> None:
    tile = [Image.new("RGB", (8, 8), "red")] * 4
    paper = before_and_after(Sheet((), tile, tile), 2, tile)
    assert paper.size[0] == 16
    assert paper.size[1] >= 5 * 8
