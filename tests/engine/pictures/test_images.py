import hashlib
import io
import json
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from engine import errors
from engine.labels.png import CHUNK_LIMIT
from engine.pictures.images import FILE_LIMIT, pixel_sha256, read_recipe, to_png
from engine.recipe import Recipe
from engine.request import ImageRequest

RECIPE = Recipe(
    request=ImageRequest(
        variant="toy",
        prompt="a 熊猫 \U0001f43c\n\0\"'",
        negative="",
        width=4,
        height=2,
        steps=3,
        guidance=1.5,
        seed=2**32 - 1,
    ),
    variant_digest="a" * 64,
    weights_digest="b" * 64,
    scheduler={"shift": 3.0, "shift_terminal": None},
    dtype="float32",
    mode="exact",
    device="cpu AVX2",
    threads=2,
    versions={"torch": "2.13.0"},
)
PICTURE = Image.frombytes("RGB", (4, 2), bytes(range(24)))
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def holding(text: bytes) -> bytes:
    """A PNG of nothing but a recipe chunk with this text."""
    return SIGNATURE + chunk(b"tEXt", b"reroll\0" + text) + chunk(b"IEND", b"")


def changed(**values: Any) -> bytes:
    return holding(json.dumps({**RECIPE.to_json(), **values}).encode())


def with_request(**values: Any) -> bytes:
    return changed(request={**RECIPE.to_json()["request"], **values})


def test_the_pixel_hash_is_of_size_mode_and_rgb_bytes() -> None:
    expected = hashlib.sha256(b"RGB 4x2\n" + bytes(range(24))).hexdigest()
    assert pixel_sha256(PICTURE) == expected
    turned = Image.frombytes("RGB", (2, 4), bytes(range(24)))
    assert pixel_sha256(turned) != expected


def test_a_png_keeps_pixels_and_recipe() -> None:
    png = to_png(PICTURE, RECIPE)
    assert read_recipe(png) == RECIPE
    assert pixel_sha256(Image.open(io.BytesIO(png))) == pixel_sha256(PICTURE)


def test_the_recipe_is_one_plain_text_chunk_that_other_readers_see() -> None:
    opened = Image.open(io.BytesIO(to_png(PICTURE, RECIPE)))
    assert opened.info == {"reroll": RECIPE.dumps()}


def test_a_recipe_moved_behind_the_pixels_is_still_found() -> None:
    png = to_png(PICTURE)
    end = chunk(b"IEND", b"")
    moved = png.removesuffix(end) + chunk(b"tEXt", b"reroll\0" + RECIPE.dumps().encode()) + end
    assert read_recipe(moved) == RECIPE


def test_whole_numbers_are_good_guidance() -> None:
    assert read_recipe(with_request(guidance=2)).request.guidance == 2


def test_other_text_chunks_are_passed_over() -> None:
    info = PngInfo()
    info.add_text("parameters", "someone else's")
    info.add_text("reroll", RECIPE.dumps())
    file = io.BytesIO()
    PICTURE.save(file, "PNG", pnginfo=info)
    assert read_recipe(file.getvalue()) == RECIPE


@pytest.mark.parametrize(
    ("png", "reason"),
    [
        (b"", "not_png"),
        (b"GIF89a", "not_png"),
        (SIGNATURE, "no_recipe"),
        (to_png(PICTURE), "no_recipe"),
        (to_png(PICTURE, RECIPE)[:60], "damaged"),
        (to_png(PICTURE, RECIPE).replace(b'"steps":3', b'"steps":4'), "damaged"),
        (SIGNATURE + b"\xff\xff\xff\xfftEXtreroll", "damaged"),
        (SIGNATURE + b"\0", "damaged"),
        (SIGNATURE + chunk(b"IDAT", b"") * (CHUNK_LIMIT + 1), "too_many_chunks"),
        (SIGNATURE + chunk(b"tEXt", b"reroll"), "no_recipe"),
        (SIGNATURE + chunk(b"zTXt", b"reroll\0\0" + zlib.compress(bytes(10**7))), "no_recipe"),
        (holding(b"[" * 70_000), "recipe_too_large"),
        (holding(b"[" * 60_000), "not_a_recipe"),
        (holding(b"9" * 60_000), "not_a_recipe"),
        (holding(b"\xff\xfe"), "not_a_recipe"),
        (holding(b"{}"), "not_a_recipe"),
        (holding(b"null"), "not_a_recipe"),
        (holding(b'"text"'), "not_a_recipe"),
        (changed(request=None), "not_a_recipe"),
        (changed(request=[]), "not_a_recipe"),
        (changed(extra=1), "not_a_recipe"),
        (changed(threads="2"), "not_a_recipe"),
        (changed(threads=True), "not_a_recipe"),
        (changed(versions=[]), "not_a_recipe"),
        (with_request(prompt=5), "not_a_recipe"),
        (with_request(prompt="\ud800"), "not_a_recipe"),
        (with_request(guidance=float("nan")), "not_a_recipe"),
        (with_request(guidance=float("inf")), "not_a_recipe"),
        (with_request(seed=1.5), "not_a_recipe"),
        (with_request(extra=1), "not_a_recipe"),
    ],
)
def test_a_hostile_file_is_refused_with_its_reason(png: bytes, reason: str) -> None:
    with pytest.raises(errors.RecipeUnreadable) as failure:
        read_recipe(png)
    assert failure.value.params == {"reason": reason}


def test_a_file_beyond_any_picture_is_refused_unread() -> None:
    with pytest.raises(errors.RecipeUnreadable) as failure:
        read_recipe(bytes(FILE_LIMIT + 1))
    assert failure.value.params == {"reason": "file_too_large"}


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail_otherwise(noise: bytes) -> None:
    for png in (noise, SIGNATURE + noise, SIGNATURE + chunk(b"tEXt", noise), holding(noise)):
        with pytest.raises(errors.RecipeUnreadable):
            read_recipe(png)
