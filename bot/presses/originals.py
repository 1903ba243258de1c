"""An order's pictures as full PNG files with their recipes in them, for the member.

A file over the upload limit cannot be sent at all: the member is told which, and how large it is.
"""

import asyncio
import io
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import discord

from bot.answers import Press
from bot.delivery import pictures
from bot.delivery.pictures import REQUEST_LIMIT
from bot.i18n import Words
from bot.services import Services
from store.tables.orders import Generation, Image

MOST_FILES = 10
"""Discord's limit for the files of a message."""
MEGABYTE = 2**20


@dataclass(frozen=True, slots=True)
class Original:
    """One picture's file, counted from 1; None where the file store no longer has it.

    A `veiled` one comes behind a spoiler, here and where its file is handed on.
    """

    nth: int
    name: str
    content: bytes | None
    veiled: bool = False


async def send(
    services: Services, interaction: Press, generation: Generation, nth: int = 0
) -> None:
    """Put the files into the deferred answer, and into more where one cannot hold them.

    All of them, or picture `nth` (from 1) alone.

    Raises FilesUnavailable.
    """
    text = pictures.label(services.labels, generation)
    chosen = [one for one in generation.images if one.file_sha256 and nth in (0, one.index + 1)]
    found = [
        Original(
            image.index + 1,
            f"{pictures.name_of(image)}.png",
            await _copy(services, image, text),
            pictures.is_veiled(generation, image.index),
        )
        for image in chosen
    ]
    limit = min(interaction.filesize_limit, REQUEST_LIMIT)
    words = services.words(interaction.locale)
    said = "\n".join(_said(words, found, limit, any_sent=any(_fits(one, limit) for one in found)))
    first, *more = list(_parcels([one for one in found if _fits(one, limit)])) or [[]]
    await interaction.edit_original_response(content=said, attachments=_files(first))
    for parcel in more:
        await interaction.followup.send(files=_files(parcel), ephemeral=True)


async def _copy(services: Services, image: Image, text: str) -> bytes | None:
    content = await pictures.read(services.files, image)
    if content is None:
        return None
    number = pictures.number_of(image)
    copied, _ = await asyncio.to_thread(services.labels.copy, content, number, sys.maxsize, text)
    return copied


def _fits(original: Original, limit: int) -> bool:
    return original.content is not None and len(original.content) <= limit


def _said(words: Words, found: Sequence[Original], limit: int, *, any_sent: bool) -> Iterator[str]:
    if any_sent:
        yield words("originals.here")
    for one in found:
        if one.content is None:
            yield words("originals.lost", nth=one.nth)
        elif len(one.content) > limit:
            size, most = (f"{number / MEGABYTE:.1f}" for number in (len(one.content), limit))
            yield words("originals.too_large", nth=one.nth, size=size, limit=most)
    if not found:
        yield words("errors.files_lost")


def _parcels(fitting: Sequence[Original]) -> Iterator[list[Original]]:
    parcel: list[Original] = []
    weight = 0
    for one in fitting:
        size = len(one.content or b"")
        if parcel and (weight + size > REQUEST_LIMIT or len(parcel) == MOST_FILES):
            yield parcel
            parcel, weight = [], 0
        parcel.append(one)
        weight += size
    if parcel:
        yield parcel


def _files(parcel: Sequence[Original]) -> list[discord.File]:
    return [
        discord.File(io.BytesIO(one.content or b""), filename=one.name, spoiler=one.veiled)
        for one in parcel
    ]
