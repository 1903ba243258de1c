"""Pictures as Discord takes them: fetched by digest, named, re-encoded where they are too big."""

import asyncio
import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image as Pillow

from bot.cards.letters import Attachment
from store.errors import FilesUnavailable
from store.files import Files
from store.tables import Image

REQUEST_LIMIT = 24 * 2**20
"""Discord refuses a request over 25 MiB, whatever a single file may be."""
QUALITIES = (92, 80, 60, 40)
THUMBNAIL = 256


@dataclass(frozen=True, slots=True)
class Fetched:
    """An order's pictures by index, as files; `lost` is how many the file store no longer has."""

    attachments: dict[int, Attachment]
    lost: int
    reencoded: bool


async def fetch(files: Files, images: Sequence[Image], upload_limit: int) -> Fetched:
    """Return the finished pictures in a form that fits.

    Raises FilesUnavailable where the file store cannot answer now.
    """
    kept = {image.index: await read(files, image) for image in images if image.file_sha256}
    found = {index: content for index, content in kept.items() if content is not None}
    limit = min(upload_limit, REQUEST_LIMIT // max(1, len(found)))
    fitted = {
        index: await asyncio.to_thread(_fitted, content, limit) for index, content in found.items()
    }
    attachments = {
        index: Attachment(f"{name_of(image)}.{kind}", content)
        for image in images
        if (index := image.index) in fitted
        for content, kind in [fitted[index]]
    }
    reencoded = any(kind != "png" for _, kind in fitted.values())
    return Fetched(attachments, len(kept) - len(found), reencoded)


def name_of(image: Image) -> str:
    """Return what a picture's file is called, without its ending."""
    return f"reroll-{image.generation_id}-{image.index + 1}"


async def thumbnail(files: Files, images: Sequence[Image]) -> bytes | None:
    """Return a small picture of an order, or None where the file store no longer has one."""
    for image in images:
        if image.file_sha256 and (content := await read(files, image)) is not None:
            return await asyncio.to_thread(_small, content)
    return None


async def read(files: Files, image: Image) -> bytes | None:
    """Return a picture's file, or None where the file store no longer has it.

    Raises FilesUnavailable where the file store cannot answer now.
    """
    try:
        return await files.aget(image.generation_id, image.file_sha256 or "")
    except FilesUnavailable as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise


def _fitted(content: bytes, limit: int) -> tuple[bytes, str]:
    if len(content) <= limit:
        return content, "png"
    with Pillow.open(io.BytesIO(content)) as picture:
        for quality in QUALITIES:
            if len(smaller := _webp(picture, quality)) <= limit:
                return smaller, "webp"
        width, height = picture.size
        return _webp(picture.resize((width // 2, height // 2)), QUALITIES[-1]), "webp"


def _webp(picture: Pillow.Image, quality: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=quality)
    return out.getvalue()


def _small(content: bytes) -> bytes:
    with Pillow.open(io.BytesIO(content)) as picture:
        picture.thumbnail((THUMBNAIL, THUMBNAIL))
        return _webp(picture, 85)
