"""What a body holds of a member's pictures: their pixels, in the API's form, within its limits."""

import base64
import io
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image, ImageCms, ImageDraw
from PIL.PngImagePlugin import PngInfo

from engine.pictures.inputs import Inputs
from engine.request import ImageRequest
from engine.variants.catalog import Catalog, Variant
from engine.variants.vendor import ALL_PIXELS, MEGAPIXEL, Hosted, reference_pixels
from engine.vendor.body import body
from engine.vendor.faults import Unsendable
from tests.engine.vendor.fake_vendor import PICTURE_BYTES, picture

Box = tuple[int, int, int, int]


def sent(name: str, inputs: Inputs, size: tuple[int, int] = (1024, 1024)) -> dict[str, Any]:
    variant: Variant = Catalog.load([name]).default
    assert variant.vendor
    request = ImageRequest(
        variant=name,
        prompt="a 熊猫",
        negative="",
        width=size[0],
        height=size[1],
        steps=variant.steps.default,
        guidance=variant.guidance.default,
        seed=7,
    )
    return dict(body(variant, variant.vendor, request, inputs))


def around(box: Box, size: tuple[int, int]) -> Image.Image:
    """Return the mask that keeps a box."""
    mask = Image.new("L", size, 255)
    ImageDraw.Draw(mask).rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=0)
    return mask


def gradient(size: tuple[int, int]) -> Image.Image:
    """Return a picture in which no two rows or columns are the same."""
    across, down = Image.linear_gradient("L").rotate(90), Image.linear_gradient("L")
    return Image.merge("RGB", (across, down, across)).resize(size)


def test_references_go_in_their_order_and_small_ones_as_they_are() -> None:
    seen = tuple(Image.new("RGB", (80 + one, 70), (one, 2, 3)) for one in range(8))
    body = sent("bfl-flux2-pro", Inputs(references=seen))
    names = ["input_image", *(f"input_image_{number}" for number in range(2, 9))]
    assert [name for name in body if name.startswith("input")] == names
    for name, one in zip(names, seen, strict=True):
        assert picture(body[name]).size == one.size
        assert picture(body[name]).tobytes() == one.tobytes()


def test_words_alone_send_no_picture() -> None:
    body = sent("bfl-flux1-kontext-pro", Inputs())
    assert not [name for name in body if "image" in name]


def test_one_reference_may_be_as_large_as_the_picture_and_several_a_megapixel() -> None:
    large = Image.new("RGB", (2400, 1800), "olive")
    (alone,) = (picture(sent("bfl-flux2-pro", Inputs((large,)))["input_image"]),)
    assert alone.size == (1182, 886)
    wide = picture(sent("bfl-flux2-pro", Inputs((large,)), (2048, 1024))["input_image"])
    assert MEGAPIXEL < wide.width * wide.height <= 2048 * 1024
    pair = sent("bfl-flux2-pro", Inputs((large, large)), (2048, 1024))
    for name in ("input_image", "input_image_2"):
        one = picture(pair[name])
        assert 0.99 * MEGAPIXEL < one.width * one.height <= MEGAPIXEL


@pytest.mark.parametrize("side", [64, 512, 1024, 1440, 2048])
@pytest.mark.parametrize("count", range(1, 9))
def test_all_that_the_vendor_reads_and_draws_stays_within_its_limit(side: int, count: int) -> None:
    each = reference_pixels(side, side, count)
    assert each * count + side * side <= ALL_PIXELS
    assert each >= MEGAPIXEL // 2, "enough to see by"
    hosted = Hosted(takes=(), first_megapixel=1.0, further_megapixel=1.0)
    alone = hosted.estimate(side, side)
    assert hosted.estimate(side, side, count) >= alone + count


def test_a_reference_too_small_to_read_is_enlarged() -> None:
    tiny = Image.new("RGB", (33, 200), "red")
    assert picture(sent("bfl-flux2-pro", Inputs((tiny,)))["input_image"]).size == (64, 387)


def test_nothing_goes_along_that_stood_in_the_files() -> None:
    info = PngInfo()
    info.add_text("reroll", "a secret prompt")
    file = io.BytesIO()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010E] = "a secret place"
    drawn = Image.new("RGB", (64, 64), "navy")
    drawn.save(file, "PNG", pnginfo=info, exif=exif, icc_profile=profile)
    inputs = Inputs(references=(Image.open(file).convert("RGB"),))
    png = base64.b64decode(sent("bfl-flux2-pro", inputs)["input_image"])
    assert {png[at + 4 : at + 8] for at in chunks(png)} == {b"IHDR", b"IDAT", b"IEND"}


def chunks(png: bytes) -> list[int]:
    found, at = [], 8
    while at < len(png):
        found.append(at)
        at += 12 + int.from_bytes(png[at : at + 4], "big")
    return found


def test_a_filled_canvas_goes_whole_with_a_mask_in_black_and_white() -> None:
    canvas = gradient((1024, 1024))
    mask = around((200, 200, 600, 500), canvas.size).resize((512, 512)).resize(canvas.size)
    assert len(mask.getcolors() or []) > 2, "soft edges"
    body = sent("bfl-flux1-fill", Inputs(canvas=canvas, mask=mask))
    assert picture(body["image"]).tobytes() == canvas.tobytes()
    drawn = picture(body["mask"])
    assert (drawn.mode, drawn.size) == ("L", canvas.size)
    assert {level for _, level in drawn.getcolors() or []} == {0, 255}
    assert drawn.getpixel((400, 300)) == 0
    assert drawn.getpixel((900, 900)) == 255


@pytest.mark.parametrize(
    "box",
    [
        (100, 200, 700, 900),
        (0, 0, 1024, 800),
        (0, 300, 1024, 1024),
        (1, 0, 1024, 1024),
        (0, 0, 1023, 1024),
        (500, 500, 501, 501),
    ],
)
def test_a_border_becomes_what_it_encloses_and_four_numbers(box: Box) -> None:
    canvas = gradient((1024, 1024))
    body = sent("bfl-flux1-expand", Inputs(canvas=canvas, mask=around(box, canvas.size)))
    kept = picture(body["image"])
    assert kept.tobytes() == canvas.crop(box).tobytes()
    assert (body["left"], body["top"]) == box[:2]
    assert body["left"] + kept.width + body["right"] == canvas.width
    assert body["top"] + kept.height + body["bottom"] == canvas.height
    assert "mask" not in body


@pytest.mark.parametrize("before", [(512, 512), (900, 700), (2000, 1500)])
def test_a_border_that_was_resized_with_its_canvas_is_still_one(before: tuple[int, int]) -> None:
    size = (1024, 768)
    box = (before[0] // 4, 0, before[0] * 3 // 4, before[1] // 2)
    mask = around(box, before).resize(size, Image.Resampling.LANCZOS)
    body = sent("bfl-flux1-expand", Inputs(canvas=gradient(size), mask=mask), size)
    numbers = (body["left"], body["top"], body["right"], body["bottom"])
    for found, meant in zip(numbers, (256, 0, 256, 384), strict=True):
        assert abs(found - meant) <= 2
    kept = picture(body["image"])
    assert numbers[0] + kept.width + numbers[2] == size[0]


def test_a_mask_that_is_no_border_cannot_be_sent_to_be_expanded() -> None:
    size = (256, 256)
    hole = Image.new("L", size)
    ImageDraw.Draw(hole).ellipse((50, 50, 150, 150), fill=255)
    notched = around((20, 20, 200, 200), size)
    ImageDraw.Draw(notched).rectangle((100, 100, 130, 130), fill=255)
    two = around((20, 20, 60, 60), size)
    ImageDraw.Draw(two).rectangle((100, 100, 140, 140), fill=0)
    nothing, everything = Image.new("L", size), Image.new("L", size, 255)
    for mask in (hole, notched, two, nothing, everything, None):
        inputs = Inputs(canvas=gradient(size), mask=mask)
        with pytest.raises(Unsendable):
            sent("bfl-flux1-expand", inputs, size)
    for name in ("bfl-flux1-expand", "bfl-flux1-fill"):
        with pytest.raises(Unsendable):
            sent(name, replace(inputs, canvas=None, mask=around((1, 1, 9, 9), size)), size)


def test_a_picture_that_does_not_compress_stays_within_the_vendors_limit() -> None:
    size = (1440, 1440)
    noise = Image.merge("RGB", [Image.effect_noise(size, 200) for _ in range(3)])
    body = sent("bfl-flux1-fill", Inputs(canvas=noise, mask=around((9, 9, 99, 99), size)), size)
    assert 4 * 2**20 < len(body["image"]) < PICTURE_BYTES
    whole = Inputs(references=(noise,))
    assert len(sent("bfl-flux2-pro", whole, (2048, 2048))["input_image"]) < PICTURE_BYTES
