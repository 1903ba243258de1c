"""How a variant starts from pictures: which way, in which size, and what is refused."""

from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from bot.errors import (
    EditUnsupported,
    ExpandNothing,
    ExpandTooFar,
    MaskMissing,
    UpscaleAtLimit,
)
from bot.wishes import starts
from bot.wishes.canvases import Margins
from bot.wishes.starts import Given, Way
from engine.errors import (
    CanvasUnsupported,
    MaskEmpty,
    MaskUnsupported,
    PictureMissing,
    PicturesTooMany,
)
from engine.pictures.uploads import Upload
from engine.variants.bounds import Accepts
from engine.variants.catalog import Catalog, Variant

STARTER = Catalog.load(["starter"])["starter"]
PAINTS = Accepts(canvas=True, mask=True)
LOOKS = Accepts(most_references=3)
LOOKS_ONLY = Accepts(least_references=1, most_references=1)
FILLS = Accepts(canvas=True, mask=True, needs_mask=True)
WORDS = Accepts()


def variant(accepts: Accepts, name: str = "x") -> Variant:
    return replace(STARTER, name=name, accepts=accepts)


def picture(size: tuple[int, int] = (128, 128), *, hole: bool = False) -> Upload:
    mask = Image.new("L", size, 0)
    if hole:
        mask.paste(255, (0, 0, size[0] // 2, size[1]))
    return Upload(Image.new("RGB", size, "red"), mask if hole else None)


def given(count: int = 1, *, hole: bool = False, **more: Any) -> Given:
    return Given(pictures=tuple(picture(hole=hole) for _ in range(count)), **more)


MASK = Image.new("L", (128, 128), 255)


@pytest.mark.parametrize(
    ("accepts", "asked", "expected"),
    [
        (PAINTS, given(), Way.PAINT),
        (PAINTS, given(hole=True), Way.FILL),
        (PAINTS, given(mask=MASK), Way.FILL),
        (PAINTS, given(2), None),
        (LOOKS, given(), Way.LOOK),
        (LOOKS, given(3), Way.LOOK),
        (LOOKS, given(4), None),
        (LOOKS, given(hole=True), Way.LOOK),
        (LOOKS, given(mask=MASK), None),
        (LOOKS, given(strength=0.4), None),
        (LOOKS_ONLY, given(), Way.LOOK),
        (LOOKS_ONLY, given(2), None),
        (FILLS, given(), None),
        (FILLS, given(hole=True), Way.FILL),
        (replace(LOOKS, canvas=True), given(), Way.LOOK),
        (replace(LOOKS, canvas=True), given(strength=0.4), Way.PAINT),
        (replace(LOOKS, canvas=True, mask=True), given(3, mask=MASK), Way.FILL),
        (WORDS, given(), None),
    ],
)
def test_the_way_follows_from_what_the_variant_accepts(
    accepts: Accepts, asked: Given, expected: Way | None
) -> None:
    assert starts.way(accepts, asked) is expected


@pytest.mark.parametrize(
    ("accepts", "asked", "error"),
    [
        (PAINTS, given(2), PicturesTooMany),
        (PAINTS, given(2, mask=MASK), PicturesTooMany),
        (LOOKS, given(4), PicturesTooMany),
        (LOOKS, given(mask=MASK), MaskUnsupported),
        (LOOKS, given(strength=0.4), CanvasUnsupported),
        (FILLS, given(), MaskMissing),
        (Accepts(least_references=2, most_references=3), given(), PictureMissing),
        (WORDS, given(), EditUnsupported),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(
    accepts: Accepts, asked: Given, error: type[Exception]
) -> None:
    catalog = Catalog([variant(accepts)])
    with pytest.raises(error):
        starts.editor(catalog, "x", asked)
    with pytest.raises(error):
        starts.editor(catalog, None, asked)


def test_without_a_name_the_first_variant_that_can_is_taken() -> None:
    catalog = Catalog([variant(WORDS, "a"), variant(PAINTS, "b"), variant(LOOKS, "c")])
    assert starts.editor(catalog, None, given()).name == "b"
    assert starts.editor(catalog, None, given(2)).name == "c"
    assert starts.editor(catalog, "c", given()).name == "c"
    assert starts.chosen(catalog, None, starts.fills).name == "b"
    with pytest.raises(EditUnsupported):
        starts.chosen(Catalog([variant(WORDS)]), None, starts.varies)


def test_a_hole_too_faint_to_mean_anything_is_none() -> None:
    faint = Upload(Image.new("RGB", (64, 64)), Image.new("L", (64, 64), 9))
    assert starts.way(PAINTS, Given(pictures=(faint,))) is Way.PAINT


def test_the_files_are_those_that_the_request_names() -> None:
    start = starts.edit(variant(PAINTS), given(hole=True), None)
    assert set(start.files) == {start.canvas, start.mask}
    looked = starts.edit(variant(LOOKS), given(2), None)
    assert set(looked.files) == set(looked.references)
    assert len(looked.references) == 2


def test_a_mask_is_cut_with_its_picture_and_may_end_up_empty() -> None:
    upload = picture((400, 100))
    mask = Image.new("L", (400, 100), 0)
    mask.paste(255, (0, 0, 40, 100))
    with pytest.raises(MaskEmpty):
        starts.edit(variant(PAINTS), Given(pictures=(upload,), mask=mask), None)
    whole = Given(pictures=(upload,), mask=Image.new("L", (400, 100), 255))
    start = starts.edit(variant(PAINTS), whole, None)
    assert start.is_cut
    assert start.size == (128, 96)


def test_pictures_that_are_looked_at_are_never_cut() -> None:
    start = starts.edit(variant(LOOKS), Given(pictures=(picture((400, 100)),)), None)
    assert not start.is_cut


def test_variations_paint_over_where_the_variant_can_and_else_look() -> None:
    assert starts.vary(variant(PAINTS), picture(), 0.4).strength == 0.4
    assert starts.vary(variant(LOOKS_ONLY), picture(), 0.4).references
    with pytest.raises(EditUnsupported):
        starts.vary(variant(FILLS), picture(), 0.4)


def test_expanding_needs_something_to_add_and_an_end() -> None:
    start = starts.expand(variant(PAINTS), picture(), Margins(right=1 / 3))
    assert start.size == (128, 96)
    assert start.mask
    with pytest.raises(ExpandNothing):
        starts.expand(variant(PAINTS), picture(), Margins(), 1.0)
    with pytest.raises(ExpandTooFar):
        starts.expand(variant(PAINTS), picture(), Margins(), 3.5)
    with pytest.raises(MaskUnsupported):
        starts.expand(variant(LOOKS), picture(), Margins(left=0.5))
    border = variant(Accepts(border=True, needs_mask=True))
    assert starts.expand(border, picture(), Margins(left=0.5)).mask


def test_upscaling_ends_at_four_megapixels() -> None:
    assert starts.upscale(variant(PAINTS), picture((64, 64)), 2.0).size == (128, 128)
    with pytest.raises(UpscaleAtLimit):
        starts.upscale(variant(PAINTS), picture((2048, 2048)), 2.0)
    with pytest.raises(CanvasUnsupported):
        starts.upscale(variant(LOOKS), picture(), 2.0)
