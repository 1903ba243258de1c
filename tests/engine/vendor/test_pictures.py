"""Files from elsewhere are decoded within bounds, or told to be no pictures."""

import io
import struct
import zlib

import pytest
from PIL import Image

from engine.vendor.faults import Unusable
from engine.vendor.pictures import decoded
from tests.engine.vendor.fake_vendor import png


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)  # type: ignore[arg-type]
    return file.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + check


def bomb(side: int) -> bytes:
    """A PNG of black pixels whose file is small."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    rows = zlib.compress(bytes((side + 1) * min(side, 2000)), 9)
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_pictures_come_as_rgb(kind: str, mode: str) -> None:
    image = decoded(saved(Image.new(mode, (8, 6), 90), kind))
    assert (image.mode, image.size) == ("RGB", (8, 6))


def test_the_pixels_of_a_png_are_its_own() -> None:
    assert decoded(png(seed=7)).getpixel((3, 3)) == (7, 40, 90)


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"<html>",
        png()[:60],
        png()[:-30],
        bomb(5000),
        bomb(12000),
        bomb(30000),
        bomb(65000),
        saved(Image.new("RGB", (8, 8)), "BMP"),
        saved(Image.new("RGB", (8, 8)), "GIF"),
        saved(Image.new("RGB", (8, 8)), "TIFF"),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    ],
    ids=lambda file: repr(file[:12]),
)
def test_what_is_no_picture_of_a_sane_size_is_refused(file: bytes) -> None:
    with pytest.raises(Unusable):
        decoded(file)


def test_only_the_first_frame_is_read() -> None:
    frames = [Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in (10, 200)]
    file = saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    assert decoded(file).getpixel((0, 0)) == (10, 0, 0)
