import hashlib
import io

from PIL import Image

from engine.pictures.images import pixel_sha256, to_png
from tests.engine.labels.test_reading import PICTURE, RECIPE
from tests.engine.recipes import inside


def test_the_pixel_hash_is_of_size_mode_and_rgb_bytes() -> None:
    expected = hashlib.sha256(b"RGB 4x2\n" + bytes(range(24))).hexdigest()
    assert pixel_sha256(PICTURE) == expected
    turned = Image.frombytes("RGB", (2, 4), bytes(range(24)))
    assert pixel_sha256(turned) != expected


def test_a_png_keeps_pixels_and_recipe() -> None:
    png = to_png(PICTURE, RECIPE)
    assert inside(png) == RECIPE
    assert pixel_sha256(Image.open(io.BytesIO(png))) == pixel_sha256(PICTURE)


def test_the_recipe_is_one_plain_text_chunk_that_other_readers_see() -> None:
    opened = Image.open(io.BytesIO(to_png(PICTURE, RECIPE)))
    assert opened.info == {"reroll": RECIPE.dumps()}
