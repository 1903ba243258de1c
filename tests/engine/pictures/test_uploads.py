"""A stranger's pictures: what comes out is plain, and what cannot be used is refused in words."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine import errors
from engine.pictures import uploads


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def speckled(width: int = 64, height: int = 48) -> Image.Image:
    levels = np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(levels)


def header_only(width: int, height: int) -> bytes:
    """Return a small PNG that claims to be large."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")]
    chunks = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def loud(kind: bytes) -> bytes:
    """Return a small PNG that would say gigabytes of text, or of a colour profile."""
    whole = saved(speckled())
    body = b"x\0\0" + zlib.compress(bytes(2**28), 9)
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return whole[:33] + chunk + whole[33:]


def moving() -> bytes:
    frames = [speckled(), Image.new("RGB", (64, 48), "red")]
    return saved(frames[0], "GIF", save_all=True, append_images=frames[1:])


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", errors.PictureUnreadable),
        (b"<svg onload=alert(1)>", errors.PictureUnreadable),
        (saved(speckled())[:700], errors.PictureUnreadable),
        (saved(speckled(400, 300), "JPEG")[:2000], errors.PictureUnreadable),
        (b"\0" * (uploads.FILE_LIMIT + 1), errors.PictureFileTooLarge),
        (saved(Image.new("RGB", (1, 1))), errors.PictureTooSmall),
        (saved(Image.new("RGB", (400, 32))), errors.PictureTooSlender),
        (header_only(20_000, 20_000), errors.PictureTooLarge),
        (header_only(2**31 - 1, 2**31 - 1), errors.PictureTooLarge),
        (moving(), errors.PictureAnimated),
        (loud(b"zTXt"), errors.PictureUnreadable),
        (loud(b"iCCP"), errors.PictureUnreadable),
    ],
)
def test_what_cannot_be_used_is_refused(content: bytes, error: type[errors.PictureRefused]) -> None:
    with pytest.raises(error):
        uploads.read(content)


def test_a_picture_with_far_more_said_than_drawn_is_taken_without_it() -> None:
    said = b"Exif\0\0" + bytes(30_000)
    content = saved(speckled(), "JPEG", exif=said, comment=b"x" * 2000)
    assert len(uploads.read(content).png()) < 20_000


def test_plain_pixels_come_through_as_they_are() -> None:
    upload = uploads.read(saved(speckled()))
    assert np.array_equal(np.asarray(upload.picture), np.asarray(speckled()))
    assert upload.hole is None


def test_a_phone_s_picture_is_put_upright_and_says_nothing_else() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    exif[0x010F] = "a camera"
    content = uploads.read(saved(speckled(), "JPEG", exif=exif, quality=95)).png()
    with Image.open(io.BytesIO(content)) as image:
        assert image.size == (48, 64)
        assert not image.info
        assert not image.getexif()


def test_a_photograph_with_another_picture_beside_it_is_still() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    beside = [Image.new("L", (16, 12))]
    content = saved(speckled(), "MPO", save_all=True, append_images=beside, exif=exif)
    with Image.open(io.BytesIO(content)) as image:
        assert image.n_frames == 2
    assert uploads.read(content).picture.size == (48, 64)


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "LA", "RGBA", "PA"])
def test_every_kind_of_pixels_becomes_rgb(mode: str) -> None:
    grey = Image.new("RGB", (64, 48), (120, 120, 120))
    kind = "TIFF" if mode == "CMYK" else "PNG"
    plain = grey.convert("P").convert("PA") if mode == "PA" else grey.convert(mode)
    if mode == "PA":
        kind, plain = "PNG", plain.convert("RGBA")
    upload = uploads.read(saved(plain, kind))
    assert upload.picture.mode == "RGB"
    if mode != "1":
        assert abs(float(np.asarray(upload.picture).mean()) - 120) < 3


def test_sixteen_bits_are_scaled_and_not_cut() -> None:
    levels = np.full((48, 64), 120 * 256, dtype=np.uint16)
    upload = uploads.read(saved(Image.fromarray(levels)))
    assert np.asarray(upload.picture).mean() == 120


def test_what_is_transparent_becomes_the_hole_over_white() -> None:
    image = speckled().convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 32, 48))
    upload = uploads.read(saved(image))
    assert upload.hole is not None
    assert np.array_equal(np.asarray(upload.hole)[:, :32], np.full((48, 32), 255))
    assert not np.asarray(upload.hole)[:, 32:].any()
    assert np.asarray(upload.picture)[:, :32].min() == 255


def test_a_large_picture_is_shrunk_in_its_own_shape() -> None:
    upload = uploads.read(saved(Image.new("RGB", (6000, 3000)), "JPEG"))
    width, height = upload.picture.size
    assert width * height <= uploads.KEPT_PIXELS
    assert abs(width / height - 2) < 0.01


def test_a_mask_is_fitted_to_its_picture() -> None:
    mask = Image.new("L", (128, 96))
    mask.paste(200, (0, 0, 64, 96))
    fitted = uploads.read_mask(saved(mask), (64, 48))
    assert fitted.size == (64, 48)
    assert set(np.unique(np.asarray(fitted))) == {0, 255}
    with pytest.raises(errors.MaskShapeDiffers):
        uploads.read_mask(saved(mask), (48, 64))
    with pytest.raises(errors.MaskEmpty):
        uploads.read_mask(saved(Image.new("L", (64, 48))), (64, 48))
