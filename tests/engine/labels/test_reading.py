"""Recipes in strangers' files: read where they are whole, and nothing else taken for one."""

import io
import json
import struct
import zlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from engine.labels import reading
from engine.labels.labelling import Labels
from engine.labels.png import CHUNK_LIMIT
from engine.pictures.images import to_png
from engine.recipe import Recipe
from engine.request import ImageRequest, LoraUse
from tests.engine.recipes import inside

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
USE = {"sha256": "c" * 64, "weight": 0.8}


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def holding(text: bytes) -> bytes:
    """A PNG of nothing but a recipe chunk with this text."""
    return SIGNATURE + chunk(b"tEXt", b"reroll\0" + text) + chunk(b"IEND", b"")


def changed(**values: Any) -> bytes:
    return holding(json.dumps({**RECIPE.to_json(), **values}).encode())


def with_request(**values: Any) -> bytes:
    return changed(request={**RECIPE.to_json()["request"], **values})


def test_a_recipe_names_all_that_its_picture_was_drawn_from() -> None:
    request = replace(
        RECIPE.request,
        references=("a" * 64, "b" * 64),
        canvas="d" * 64,
        mask="e" * 64,
        strength=0.5,
        loras=(LoraUse("c" * 64, 0.8), LoraUse("f" * 64)),
    )
    whole = replace(RECIPE, request=request)
    assert inside(to_png(PICTURE, whole)) == whole


def test_a_recipe_of_an_older_version_is_read() -> None:
    newer = ("references", "canvas", "mask", "strength", "loras")
    request = {name: one for name, one in RECIPE.to_json()["request"].items() if name not in newer}
    assert inside(changed(request=request)) == RECIPE


def test_a_recipe_moved_behind_the_pixels_is_still_found() -> None:
    png = to_png(PICTURE)
    end = chunk(b"IEND", b"")
    moved = png.removesuffix(end) + chunk(b"tEXt", b"reroll\0" + RECIPE.dumps().encode()) + end
    assert inside(moved) == RECIPE


def test_whole_numbers_are_good_guidance() -> None:
    assert inside(with_request(guidance=2)).request.guidance == 2


def test_other_text_chunks_are_passed_over() -> None:
    info = PngInfo()
    info.add_text("parameters", "someone else's")
    info.add_text("reroll", RECIPE.dumps())
    file = io.BytesIO()
    PICTURE.save(file, "PNG", pnginfo=info)
    assert inside(file.getvalue()) == RECIPE


@pytest.mark.parametrize(
    "png",
    [
        b"",
        b"GIF89a",
        SIGNATURE,
        to_png(PICTURE),
        to_png(PICTURE, RECIPE)[:60],
        to_png(PICTURE, RECIPE).replace(b'"steps":3', b'"steps":4'),
        SIGNATURE + b"\xff\xff\xff\xfftEXtreroll",
        SIGNATURE + b"\0",
        SIGNATURE + chunk(b"IDAT", b"") * (CHUNK_LIMIT + 1),
        SIGNATURE + chunk(b"tEXt", b"reroll"),
        SIGNATURE + chunk(b"zTXt", b"reroll\0\0" + zlib.compress(bytes(10**7))),
        bytes(reading.FILE_LIMIT + 1),
        holding(b" " * 66_000 + RECIPE.dumps().encode()),
        holding(b"[" * 60_000),
        holding(b"9" * 60_000),
        holding(b"\xff\xfe"),
        holding(b"{}"),
        holding(b"null"),
        holding(b'"text"'),
        changed(request=None),
        changed(request=[]),
        changed(extra=1),
        changed(threads="2"),
        changed(threads=True),
        changed(versions=[]),
        with_request(prompt=5),
        with_request(prompt="\ud800"),
        with_request(guidance=float("nan")),
        with_request(guidance=float("inf")),
        with_request(seed=1.5),
        with_request(extra=1),
        with_request(references=[5]),
        with_request(loras=["c" * 64]),
        with_request(loras=[{**USE, "weight": "0.8"}]),
        with_request(loras=[{**USE, "extra": 1}]),
        with_request(loras=[{"weight": 1.0}]),
        with_request(loras=USE),
    ],
)
def test_a_hostile_file_holds_no_recipe(png: bytes) -> None:
    assert reading.read(png, Labels()).recipe is None


@given(st.binary(max_size=200))
def test_no_bytes_are_a_recipe(noise: bytes) -> None:
    for png in (noise, SIGNATURE + noise, SIGNATURE + chunk(b"tEXt", noise), holding(noise)):
        assert reading.read(png, Labels()).recipe is None
