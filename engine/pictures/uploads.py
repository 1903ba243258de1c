"""A stranger's picture made into one of ours: sRGB, upright, bounded, without what else it tells.

What comes out is a PNG of plain pixels: no place, no camera and no comment of the member's.
"""

import io
import struct
import zlib
from dataclasses import dataclass, field

from PIL import Image, ImageChops, ImageCms, ImageOps, UnidentifiedImageError

from engine import errors

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
STILL = "MPO"
"""A JPEG of several pictures: the photograph, and what a phone keeps beside it."""
FILE_LIMIT = 25 * 2**20
MOST_PIXELS = 50_000_000
"""Decoded, 200 MB: what phones take today, and what a small machine can hold."""
LEAST_SIDE = 32
MOST_SLENDER = 8
"""Longer side over shorter side."""
KEPT_PIXELS = 4 * 2**20
"""A larger picture is shrunk to this: no variant looks closer."""
MASK_SLACK = 0.02
"""How far a mask's shape may be off its picture's, as a share."""
PROFILE_LIMIT = 4 * 2**20
"""Bytes of a colour profile: those of printers take one or two."""
BROKEN = (
    *(UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, MemoryError),
    *(TypeError, LookupError, ArithmeticError, AttributeError, RuntimeError),
    *(struct.error, zlib.error),
)
"""What Pillow raises on files that are no picture, or damaged: its readers check little."""


@dataclass(frozen=True, slots=True)
class Upload:
    """An RGB picture, and where it was transparent: a mask in greys, white where it was."""

    picture: Image.Image = field(repr=False)
    hole: Image.Image | None = field(repr=False)

    def png(self) -> bytes:
        """Return the picture as a file."""
        return to_file(self.picture)


def read(content: bytes) -> Upload:
    """Read a member's file. Raises PictureRefused."""
    if len(content) > FILE_LIMIT:
        raise errors.PictureFileTooLarge(limit=FILE_LIMIT // 2**20)
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _check(image)
            image.load()
            return _plain(ImageOps.exif_transpose(image))
    except Image.DecompressionBombError as error:
        raise errors.PictureTooLarge(limit=MOST_PIXELS // 1_000_000) from error
    except BROKEN as error:
        raise errors.PictureUnreadable from error


def read_mask(content: bytes, size: tuple[int, int]) -> Image.Image:
    """Read a mask for a picture of `size`: white, or transparent, is what changes.

    Raises PictureRefused.
    """
    upload = read(content)
    mask = upload.hole if upload.hole is not None else upload.picture.convert("L")
    ours, theirs = mask.width / mask.height, size[0] / size[1]
    if abs(ours / theirs - 1) > MASK_SLACK:
        raise errors.MaskShapeDiffers
    return checked_mask(mask.resize(size, Image.Resampling.LANCZOS))


def checked_mask(mask: Image.Image) -> Image.Image:
    """Return a mask of black and white. Raises PictureRefused for one that marks nothing."""
    sharp = mask.point(lambda level: 255 if level > 127 else 0)
    if sharp.getbbox() is None:
        raise errors.MaskEmpty
    return sharp


def to_file(image: Image.Image) -> bytes:
    """Return a picture as the PNG that its sha256 is taken of."""
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=4)
    return file.getvalue()


def _check(image: Image.Image) -> None:
    """Refuse by the header alone, before a pixel is decoded."""
    shorter, longer = sorted(image.size)
    if image.width * image.height > MOST_PIXELS:
        raise errors.PictureTooLarge(limit=MOST_PIXELS // 1_000_000)
    if shorter < LEAST_SIDE:
        raise errors.PictureTooSmall(limit=LEAST_SIDE)
    if longer > shorter * MOST_SLENDER:
        raise errors.PictureTooSlender(limit=MOST_SLENDER)
    if getattr(image, "is_animated", False) and image.format != STILL:
        raise errors.PictureAnimated


def _plain(image: Image.Image) -> Upload:
    image = _shrunk(_eight_bits(image))
    hole = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        gaps = ImageChops.invert(alpha)
        hole = gaps if gaps.getbbox() else None
        behind = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(behind, image)
    return Upload(_srgb(image), hole)


def _eight_bits(image: Image.Image) -> Image.Image:
    # Pillow cuts 16 bits to 8 at the top: all but the darkest would be white.
    if image.mode.startswith("I"):
        return image.convert("I").point(lambda level: level / 256).convert("L")
    return image


def _shrunk(image: Image.Image) -> Image.Image:
    share = (KEPT_PIXELS / (image.width * image.height)) ** 0.5
    if share >= 1:
        return image
    if image.mode in ("P", "1"):
        image = image.convert("RGBA")
    size = (max(1, int(image.width * share)), max(1, int(image.height * share)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if profile and len(profile) <= PROFILE_LIMIT and image.mode in ("RGB", "RGBA", "CMYK", "L"):
        try:
            theirs = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            ours = ImageCms.createProfile("sRGB")
            turned = ImageCms.profileToProfile(image, theirs, ours, outputMode="RGB")
            if turned is not None:
                return turned
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a profile that does not fit its picture says nothing about it
    return image.convert("RGB")
