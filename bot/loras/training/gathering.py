"""Pictures to learn from, out of attachments or a zip, with their captions.

Nothing is unpacked to a disk, and what a zip says of itself is not believed.
"""

import asyncio
import io
import lzma
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import discord
from PIL import Image

from bot.errors import ZipUnreadable
from bot.services import Services
from engine.errors import PictureFileTooLarge
from engine.pictures import uploads
from engine.pictures.uploads import FILE_LIMIT
from engine.training.errors import ExamplesInvalid
from engine.training.plan import LEAST_EXAMPLES, MOST_EXAMPLES, Example, captioned

ZIP_FILES = 200
"""Entries of a zip, folders and captions among them."""
ZIP_BYTES = 256 * 2**20
"""Of all that a zip unfolds to."""
CAPTION_BYTES = 4096
SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"))
BROKEN = (zipfile.BadZipFile, lzma.LZMAError, *uploads.BROKEN)
"""What the library raises on damaged, encrypted or strangely packed files."""

Named = tuple[str, bytes]


async def from_attachments(
    services: Services, files: Sequence[discord.Attachment], trigger: str, pixels: int
) -> tuple[Example, ...]:
    """Fetch and read pictures; one after another, as each takes much memory.

    Raises PictureRefused, PictureUnfetched, ExamplesInvalid, CaptionMissing or CaptionTooLong.
    """
    check_count(len(files))
    captions = captioned([""] * len(files), trigger)
    pictures = [
        await services.fetching.file(one, lambda content: prepared(content, pixels))
        for one in files
    ]
    return tuple(map(Example, pictures, captions))


async def from_zip(
    services: Services, file: discord.Attachment, trigger: str, pixels: int
) -> tuple[Example, ...]:
    """Fetch a zip and read what is in it. Raises ZipUnreadable, or as `from_attachments` does."""
    pictures, captions = await services.fetching.file(file, unzipped)
    check_count(len(pictures))
    said = captioned([captions.get(name, "") for name, _ in pictures], trigger)
    made = [await asyncio.to_thread(prepared, content, pixels) for _, content in pictures]
    return tuple(map(Example, made, said))


def unzipped(content: bytes) -> tuple[list[Named], Mapping[str, str]]:
    """Return a zip's pictures by name without suffix, in order, and captions by the same names.

    Raises ZipUnreadable, or PictureFileTooLarge for one of its files.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _read(archive)
    except BROKEN as error:
        raise ZipUnreadable from error


def _read(archive: zipfile.ZipFile) -> tuple[list[Named], Mapping[str, str]]:
    entries = archive.infolist()
    if len(entries) > ZIP_FILES:
        raise ZipUnreadable
    pictures: list[Named] = []
    captions: dict[str, str] = {}
    left = ZIP_BYTES
    for entry in sorted(entries, key=lambda one: one.filename):
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        # What macOS and others put beside the files, and what is nobody's picture.
        if entry.is_dir() or path.name.startswith(".") or "__MACOSX" in path.parts:
            continue
        name, suffix = str(path.with_suffix("")), path.suffix.lower()
        if suffix == ".txt":
            captions[name] = _text(_unfolded(archive, entry, CAPTION_BYTES))
        elif suffix in SUFFIXES:
            if len(pictures) == MOST_EXAMPLES:
                raise ExamplesInvalid(
                    value=len(pictures) + 1, least=LEAST_EXAMPLES, most=MOST_EXAMPLES
                )
            pictures.append((name, _unfolded(archive, entry, min(FILE_LIMIT, left))))
            left -= len(pictures[-1][1])
    return pictures, captions


def _unfolded(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> bytes:
    with archive.open(entry) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise PictureFileTooLarge(limit=FILE_LIMIT // 2**20)
    return content


def _text(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("gb18030", errors="replace")  # what a Chinese Windows writes
    return " ".join(text.split())


def prepared(content: bytes, pixels: int) -> bytes:
    """Return a picture as it is kept until it was learnt: plain, and no larger than is looked at.

    Raises PictureRefused.
    """
    picture = uploads.read(content).picture
    share = (2 * pixels / (picture.width * picture.height)) ** 0.5
    if share < 1:
        size = tuple(max(1, round(side * share)) for side in picture.size)
        picture = picture.resize((size[0], size[1]), Image.Resampling.LANCZOS)
    return uploads.to_file(picture)


def check_count(count: int) -> None:
    """Raise ExamplesInvalid for too few pictures, or too many."""
    if not LEAST_EXAMPLES <= count <= MOST_EXAMPLES:
        raise ExamplesInvalid(value=count, least=LEAST_EXAMPLES, most=MOST_EXAMPLES)
