"""Pictures as Discord takes them: fetched by digest, named, labelled, re-encoded where too big."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bot.cards.letters import Attachment
from bot.services import Services
from engine.labels import visible
from engine.labels.labelling import Labels, Visible
from store.errors import FilesUnavailable
from store.files import Files
from store.tables.orders import Generation, Image, Review

REQUEST_LIMIT = 24 * 2**20
"""Discord refuses a request over 25 MiB, whatever a single file may be."""
THUMBNAIL = 256


@dataclass(frozen=True, slots=True)
class Fetched:
    """An order's pictures by index, as files; `lost` is how many the file store no longer has."""

    attachments: dict[int, Attachment]
    lost: int
    reencoded: bool


async def fetch(
    services: Services, generation: Generation, upload_limit: int, nth: int = 0
) -> Fetched:
    """Return an order's finished pictures, or picture `nth` (from 1) alone, in a form that fits.

    Raises FilesUnavailable where the file store cannot answer now.
    """
    shown = [one for one in generation.images if one.file_sha256 and nth in (0, one.index + 1)]
    kept = await asyncio.gather(*(read(services.files, image) for image in shown))
    found = [
        (image, content) for image, content in zip(shown, kept, strict=True) if content is not None
    ]
    limit = min(upload_limit, REQUEST_LIMIT // max(1, len(found)))
    text = label(services.labels, generation)

    def copy(image: Image, content: bytes) -> Attachment:
        sent, kind = services.labels.copy(content, number_of(image), limit, text)
        return Attachment(f"{name_of(image)}.{kind}", sent)

    def copies() -> dict[int, Attachment]:
        return {image.index: copy(image, content) for image, content in found}

    attachments = await asyncio.to_thread(copies)
    reencoded = any(not one.name.endswith(".png") for one in attachments.values())
    return Fetched(attachments, len(kept) - len(found), reencoded)


def label(labels: Labels, generation: Generation) -> str:
    """Return the label that people are to see on an order's copies, or nothing."""
    is_asked_away = labels.visible is Visible.ON and generation.label_free
    if labels.visible is Visible.OFF or is_asked_away:
        return ""
    return visible.text_for(generation.locale)


def number_of(image: Image) -> str:
    """Return a picture's own number, as it stands in its file."""
    return f"{image.generation_id}-{image.index + 1}"


def name_of(image: Image) -> str:
    """Return what a picture's file is called, without its ending."""
    return f"reroll-{number_of(image)}"


def is_veiled(generation: Generation, index: int) -> bool:
    """Tell whether a picture is to be behind a spoiler: all of the order, or for its check."""
    reviews = {image.index: image.review for image in generation.images}
    return bool(generation.spoiler) or reviews.get(index) == Review.SPOILER


async def thumbnail(services: Services, images: Sequence[Image]) -> bytes | None:
    """Return a small picture of an order, or None where the file store no longer has one."""
    for image in images:
        if image.file_sha256 and (content := await read(services.files, image)) is not None:
            small = services.labels.small
            return await asyncio.to_thread(small, content, number_of(image), THUMBNAIL)
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
