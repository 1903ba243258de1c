"""Members' files, fetched from Discord and read: a few at once, none that is too large.

Only addresses of Discord's own are asked. It knows no order and no variant.
"""

import asyncio
import unicodedata
from collections.abc import Callable
from typing import TypeVar

import aiohttp
import discord
from PIL import Image

from bot.answers import Press
from bot.errors import PictureUnfetched
from engine.errors import PictureFileTooLarge
from engine.pictures import uploads
from engine.pictures.uploads import FILE_LIMIT, Upload

T = TypeVar("T")

AT_ONCE = 2
"""A picture of a phone takes up to 200 MB while it is read."""
FETCH_S = 20.0
UNFETCHED = (discord.DiscordException, aiohttp.ClientError, TimeoutError, OSError)
FOLDERS = ("attachments/", "ephemeral-attachments/")


class Fetching:
    """Reads pictures off the event loop, `AT_ONCE` of them side by side."""

    def __init__(self, *, at_once: int = AT_ONCE, fetch_s: float = FETCH_S) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._fetch_s = fetch_s

    async def picture(self, attachment: discord.Attachment) -> Upload:
        """Fetch and read a picture. Raises PictureRefused or PictureUnfetched."""
        return await self._read(attachment, uploads.read)

    async def mask(self, attachment: discord.Attachment, size: tuple[int, int]) -> Image.Image:
        """Fetch and read the mask of a picture of `size`. Raises as `picture` does."""
        return await self._read(attachment, lambda content: uploads.read_mask(content, size))

    async def file(self, attachment: discord.Attachment, read: Callable[[bytes], T]) -> T:
        """Fetch a file and read it otherwise. Raises PictureFileTooLarge or PictureUnfetched."""
        return await self._read(attachment, read)

    async def plain(self, content: bytes) -> Upload:
        """Read a picture of ours. Raises PictureRefused."""
        async with self._slots:
            return await asyncio.to_thread(uploads.read, content)

    async def _read(self, attachment: discord.Attachment, read: Callable[[bytes], T]) -> T:
        check(attachment)
        async with self._slots:
            try:
                async with asyncio.timeout(self._fetch_s):
                    content = await attachment.read()
            except UNFETCHED as error:
                raise PictureUnfetched from error
            return await asyncio.to_thread(read, content)


def check(attachment: discord.Attachment) -> None:
    """Refuse a file by its size alone, before it is fetched. Raises PictureFileTooLarge."""
    if attachment.size > FILE_LIMIT:
        raise PictureFileTooLarge(limit=FILE_LIMIT // 2**20)


def path_of(attachment: discord.Attachment) -> str:
    """Return what tells a file's address from others of Discord. Raises PictureUnfetched."""
    path = attachment.url.removeprefix(f"{discord.Asset.BASE}/")
    if not path.startswith(FOLDERS):
        raise PictureUnfetched
    return path


def at_path(interaction: Press, path: str) -> discord.Attachment:
    """Return the file of such an address. Raises PictureUnfetched for any other."""
    if not path.startswith(FOLDERS) or "/../" in path or not all(map(_is_harmless, path)):
        raise PictureUnfetched
    url = f"{discord.Asset.BASE}/{path}"
    return attachment_of(
        interaction, {"id": 0, "filename": "", "size": 0, "url": url, "proxy_url": url}
    )


def _is_harmless(char: str) -> bool:
    """Tell whether a character of an address stays what it is: letters of file names do."""
    return char.isascii() or unicodedata.normalize("NFKC", char).isalnum()


def attachment_of(interaction: Press, data: object) -> discord.Attachment:
    """Return the file that raw data of Discord describes: forms are read as raw data."""
    return discord.Attachment(data=data, state=interaction._state)  # type: ignore[arg-type]
