"""Canvases made of pictures: shapes, margins, what is kept and what is drawn anew."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bot.wishes import canvases
from bot.wishes.canvases import Margins
from bot.wishes.sizes import FREE_PIXELS, skew
from engine.variants.bounds import Sizes
from engine.variants.catalog import VARIANTS, Catalog

CATALOG = Catalog.load(sorted(path.stem for path in VARIANTS.glob("*.toml")))
SIZES = [CATALOG[name].sizes for name in CATALOG.names]
STARTER = CATALOG["starter"].sizes
QWEN = CATALOG["qwen-image"].sizes
shares = st.floats(0, 1)


def pattern(width: int, height: int) -> Image.Image:
    """Return a picture whose pixels tell where they stand."""
    rows, columns = np.mgrid[0:height, 0:width]
    pixels = np.stack([columns * 255 // width, rows * 255 // height, 0 * rows], axis=-1)
    return Image.fromarray(pixels.astype(np.uint8))


@given(st.floats(0.12, 8.0), st.sampled_from(SIZES))
def test_any_shape_gets_a_size_that_the_variant_draws(ratio: float, sizes: Sizes) -> None:
    size = canvases.nearest(ratio, sizes)
    assert sizes.allows(*size)
    usual = min(skew(preset, ratio) for preset in sizes.presets.values())
    assert skew(size, ratio) <= max(usual, 0.02)


def test_the_shape_of_a_phones_photo_is_kept_where_the_variant_has_it() -> None:
    assert skew(canvases.nearest(4032 / 3024, QWEN), 4 / 3) < 0.01
    assert canvases.nearest(4032 / 3024, STARTER) == (128, 96)
    assert canvases.nearest(16 / 9, STARTER) == (128, 96)


def test_a_picture_is_cut_in_the_middle_and_never_stretched() -> None:
    cut = canvases.cut(pattern(300, 100), (128, 128))
    assert cut.size == (100, 100)
    assert cut.getpixel((0, 50))[0] == pytest.approx(85, abs=2)
    large = canvases.cut(pattern(1600, 1200), (128, 96))
    assert large.size == (128, 96)
    assert large.getpixel((127, 95))[:2] == pytest.approx((254, 253), abs=3)


@given(
    st.integers(32, 4000),
    st.integers(32, 4000),
    st.sampled_from([2.0, 4.0, 1024.0]),
    st.sampled_from([one for one in SIZES if not one.presets_only]),
)
def test_what_is_drawn_larger_stays_within_four_megapixels(
    width: int, height: int, times: float, sizes: Sizes
) -> None:
    size = canvases.enlarged((width, height), times, sizes)
    assert math.prod(size) <= FREE_PIXELS
    assert all(side % sizes.multiple == 0 for side in size) or sizes.allows(*size)


def test_twice_as_large_is_twice_as_large() -> None:
    assert canvases.enlarged((1024, 768), 2.0, QWEN) == (2048, 1536)
    assert canvases.enlarged((1024, 1024), 1024.0, QWEN) == (2048, 2048)
    assert canvases.enlarged((128, 96), 4.0, STARTER) == (512, 384)


@given(shares, shares, shares, shares, st.floats(0.3, 3.0))
def test_what_was_asked_for_is_always_there(
    left: float, top: float, right: float, bottom: float, shape: float
) -> None:
    asked = Margins(left=left, top=top, right=right, bottom=bottom)
    exact = canvases.filled_up((400, 300), asked, shape)
    for side in ("left", "top", "right", "bottom"):
        assert getattr(exact, side) >= getattr(asked, side) - 1e-9
    assert 400 * exact.width / (300 * exact.height) == pytest.approx(shape)


def test_what_a_shape_takes_is_added_where_something_was_asked_for() -> None:
    exact = canvases.filled_up((100, 100), Margins(right=0.1), 2.0)
    assert (exact.left, exact.right, exact.top) == pytest.approx((0, 1, 0))
    assert canvases.filled_up((100, 100), Margins(), 0.5) == Margins(top=0.5, bottom=0.5)


def test_the_picture_stands_in_its_canvas_and_the_mask_leaves_it_out() -> None:
    picture, size = pattern(64, 64), (128, 96)
    margins = canvases.filled_up(picture.size, Margins(right=1 / 3), size[0] / size[1])
    canvas, mask = canvases.expanded(picture, margins, size)
    assert canvas.size == mask.size == size
    kept = np.asarray(mask) == 0
    rows, columns = np.nonzero(kept)
    # Nothing is added at the left and above, so the picture is kept to its last row there.
    assert (rows.min(), columns.min()) == (0, 0)
    assert rows.max() == 95
    assert 80 < columns.max() < 95
    inner = np.asarray(picture.resize((96, 96), Image.Resampling.LANCZOS))
    assert (np.asarray(canvas)[:, :96] == inner).all()


def test_what_lies_beyond_begins_in_the_colours_of_the_edge() -> None:
    picture = Image.new("RGB", (64, 64), "red")
    picture.paste("blue", (32, 0, 64, 64))
    margins = canvases.filled_up(picture.size, Margins(left=0.5, right=0.5), 2.0)
    canvas, _ = canvases.expanded(picture, margins, (256, 128))
    assert canvas.getpixel((2, 64)) == (255, 0, 0)
    assert canvas.getpixel((253, 64)) == (0, 0, 255)


@given(shares, shares, shares, shares, st.integers(32, 300), st.integers(32, 300))
def test_any_margins_make_a_canvas_and_a_mask_of_the_size(
    left: float, top: float, right: float, bottom: float, width: int, height: int
) -> None:
    margins = Margins(left=left, top=top, right=right, bottom=bottom)
    size = canvases.nearest(width * margins.width / (height * margins.height), STARTER)
    exact = canvases.filled_up((width, height), margins, size[0] / size[1])
    canvas, mask = canvases.expanded(pattern(width, height), exact, size)
    assert canvas.size == mask.size == size
    assert set(np.unique(np.asarray(mask))) <= {0, 255}
