"""What is taken of a reference: Canny's edges as OpenCV finds them, and the fit of a picture."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from engine.pictures import controls
from engine.pictures.images import pixel_sha256
from tests.engine.edit_toys import paper

SQUARE = (40, 20, 79, 49)


def drawn() -> Image.Image:
    image = Image.new("RGB", (128, 80), "white")
    ImageDraw.Draw(image).rectangle(SQUARE, fill="black")
    return image


def white(image: Image.Image) -> set[tuple[int, int]]:
    marks = np.argwhere(np.asarray(image)[..., 0] == 255)
    return {(int(column), int(row)) for row, column in marks}


def test_a_square_has_one_thin_closed_line_around_it() -> None:
    left, top, right, bottom = SQUARE
    marks = white(controls.edges(drawn()))
    columns, rows = range(left - 1, right + 2), range(top - 1, bottom + 2)
    near = {(x, y) for x in columns for y in rows}
    within = {(x, y) for x in range(left + 1, right) for y in range(top + 1, bottom)}
    assert marks <= near - within
    # Each row and each column crosses the line once on either side.
    for y in range(top + 2, bottom - 1):
        assert sum((x, y) in marks for x in columns) == 2
    for x in range(left + 2, right - 1):
        assert sum((x, y) in marks for y in rows) == 2


def test_a_colour_counts_as_much_as_brightness() -> None:
    # Red and a grey of the same brightness: in greys there would be nothing to see.
    image = Image.new("RGB", (64, 64), (76, 76, 76))
    image.paste((255, 0, 0), (32, 0, 64, 64))
    assert len(white(controls.edges(image))) == 64


def test_a_faint_edge_stays_only_where_it_goes_on_from_a_strong_one() -> None:
    faint = Image.new("RGB", (64, 64), "white")
    faint.paste((225, 225, 225), (0, 32, 64, 64))  # a slope of 120: between weak and strong
    alone = controls.edges(faint)
    assert not white(alone)
    faint.paste((0, 0, 0), (0, 32, 8, 64))
    joined = {column for column, row in white(controls.edges(faint)) if abs(row - 32) < 2}
    assert set(range(10, 64)) <= joined


@pytest.mark.parametrize(
    ("size", "seed", "count", "digest"),
    [
        ((97, 61), 1, 116, "89f0ab84afacca6628f24ac8b5917786d51cc2948a7e618867e88fd73102004c"),
        ((120, 33), 2, 458, "a1191c7317cadc561a9c077c35ef27fc289f6ce4aa0230a3a490b27ab2bb68f5"),
    ],
)
def test_edges_are_opencvs_to_the_last_pixel(
    size: tuple[int, int], seed: int, count: int, digest: str
) -> None:
    # From cv2.Canny(picture, 50, 200) of OpenCV 5.0.0 on the very pictures.
    found = controls.edges(paper(*size, seed).image)
    assert len(white(found)) == count
    assert pixel_sha256(found) == digest


def test_a_picture_without_edges_is_black_at_any_size() -> None:
    for size in ((1, 1), (2, 3), (33, 17)):
        found = controls.edges(Image.new("RGB", size, "teal"))
        assert found.size == size
        assert not white(found)


@pytest.mark.parametrize("size", [(64, 48), (48, 64), (160, 32)])
def test_a_fitted_picture_is_cut_rather_than_stretched(size: tuple[int, int]) -> None:
    circle = Image.new("RGB", (90, 90), "white")
    ImageDraw.Draw(circle).ellipse((41, 41, 49, 49), fill="black")
    fitted = controls.fitted(circle, *size)
    assert fitted.size == size
    dark = np.argwhere(np.asarray(fitted)[..., 0] < 128)
    tall, wide = np.ptp(dark, axis=0)
    assert abs(int(tall) - int(wide)) <= 1
