"""PNG files as chunks: walked, and changed before the pixels; decodes none of them."""

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHUNK_LIMIT = 16384
"""Far above what we write, small enough to read from a stranger."""

Chunk = tuple[bytes, bytes]
"""The kind of four letters, and the body."""


class PngBroken(ValueError):
    """Not a PNG that can be walked; `reason` is not_png, damaged or too_many_chunks."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def chunks(png: bytes) -> Iterator[Chunk]:
    """Yield the chunks of a stranger's file, each one checked. Raises PngBroken."""
    for kind, body, check, _ in _walk(png):
        if check != zlib.crc32(kind + body):
            raise PngBroken("damaged")
        yield kind, body


def rewritten(png: bytes, drop: Callable[[bytes, bytes], bool], new: Iterable[Chunk]) -> bytes:
    """Return a file of ours without the chunks before its pixels that `drop` names, and with `new`.

    Raises PngBroken.
    """
    kept: list[bytes] = [SIGNATURE]
    for kind, body, _, end in _walk(png):
        whole = png[end - len(body) - 12 : end]
        if kind == b"IDAT":
            return b"".join([*kept, *map(_chunk, new), png[end - len(body) - 12 :]])
        if not drop(kind, body):
            kept.append(whole)
    raise PngBroken("damaged")


def text(body: bytes) -> tuple[str, bytes]:
    """Return keyword and text of a tEXt chunk's body; an unfinished one has no keyword."""
    keyword, ends, said = body.partition(b"\0")
    return (keyword if ends else b"").decode("latin-1"), said


def _walk(png: bytes) -> Iterator[tuple[bytes, bytes, int, int]]:
    """Yield kind, body, checksum and end of each chunk."""
    if not png.startswith(SIGNATURE):
        raise PngBroken("not_png")
    at = len(SIGNATURE)
    for _ in range(CHUNK_LIMIT):
        if at == len(png):
            return
        length, kind = struct.unpack_from(">I4s", png, at) if at + 8 <= len(png) else (0, b"")
        end = at + 12 + length
        if end > len(png) or not kind:
            raise PngBroken("damaged")
        yield kind, png[at + 8 : end - 4], struct.unpack_from(">I", png, end - 4)[0], end
        at = end
    raise PngBroken("too_many_chunks")


def _chunk(chunk: Chunk) -> bytes:
    kind, body = chunk
    check = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)
