"""What our files say about themselves, in each format; reads it from strangers' files too.

In a PNG the recipe stands in a text chunk of its own; in WebP and JPEG, which have none, in XMP.
The AIGC field stands in XMP and EXIF of all of them, and in a text chunk of a PNG.
"""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from PIL import ExifTags, Image

from engine.labels import png, xmp
from engine.labels.aigc import FIELD, Aigc
from engine.labels.png import Chunk, PngBroken
from engine.pictures.uploads import BROKEN

RECIPE = "reroll"
"""Keyword of the PNG text chunk that holds the recipe."""
XMP_KEYWORD = b"XML:com.adobe.xmp"
RECIPE_LIMIT = 64 * 2**10
FORMATS = ("PNG", "WEBP", "JPEG")
_ASCII = b"ASCII\0\0\0"
_TAGS = (RECIPE, FIELD)


@dataclass(frozen=True, slots=True)
class Tags:
    """A recipe's text, empty where there is none, and the AIGC field."""

    recipe: str = ""
    aigc: Aigc | None = None

    def without_words(self) -> "Tags":
        """Return them with a recipe that keeps the prompt to itself."""
        if not self.recipe:
            return self
        values = json.loads(self.recipe)
        values["request"] |= {"prompt": "", "negative": ""}
        return replace(self, recipe=json.dumps(values, sort_keys=True, separators=(",", ":")))

    def in_png(self, content: bytes) -> bytes:
        """Return a PNG of ours that says this and nothing else. Raises PngBroken."""
        return png.rewritten(content, _is_tag, self._chunks())

    def for_saving(self) -> dict[str, Any]:
        """Return the arguments with which Pillow writes them into WebP or JPEG."""
        packet = xmp.Packet(self.aigc.dumps() if self.aigc else "", self.recipe)
        return {"exif": self._exif(), "xmp": packet.dumps()}

    def _chunks(self) -> Iterator[Chunk]:
        if self.recipe:
            yield b"tEXt", f"{RECIPE}\0{self.recipe}".encode("latin-1")
        if self.aigc:
            packet = xmp.Packet(self.aigc.dumps()).dumps()
            yield b"tEXt", f"{FIELD}\0{self.aigc.dumps()}".encode("latin-1")
            yield b"iTXt", XMP_KEYWORD + b"\0\0\0\0\0" + packet
            yield b"eXIf", self._exif().removeprefix(b"Exif\0\0")

    def _exif(self) -> bytes:
        exif = Image.Exif()
        # With nothing in the root Pillow takes the whole of it for empty.
        exif[ExifTags.Base.Software] = "Reroll"
        if self.aigc:
            comment = _ASCII + self.aigc.wrapped().encode("ascii")
            exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = comment
        return exif.tobytes()


def read(content: bytes) -> Tags:
    """Return what a stranger's file says; nothing where it is damaged. Decodes no pixel."""
    try:
        if content.startswith(png.SIGNATURE):
            return _of_png(content)
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            packet = xmp.read(_bytes(image.info.get("xmp")))
            field = packet.aigc or _comment(image.getexif())
    except (PngBroken, Image.DecompressionBombError, *BROKEN):
        return Tags()
    return Tags(packet.recipe[: RECIPE_LIMIT + 1], Aigc.read(field) if field else None)


def _of_png(content: bytes) -> Tags:
    recipe, field = "", ""
    for kind, body in png.chunks(content):
        if kind == b"tEXt":
            keyword, said = png.text(body)
            if keyword == RECIPE:
                recipe = recipe or said[: RECIPE_LIMIT + 1].decode("latin-1")
            elif keyword == FIELD:
                field = field or said.decode("latin-1")
        elif kind == b"iTXt" and body.startswith(XMP_KEYWORD + b"\0\0"):
            field = field or xmp.read(body.split(b"\0", 5)[-1]).aigc
        elif kind == b"eXIf":
            exif = Image.Exif()
            exif.load(body)
            field = field or _comment(exif)
    return Tags(recipe, Aigc.read(field) if field else None)


def _comment(exif: Image.Exif) -> str:
    comment = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment, b"")
    return _bytes(comment).removeprefix(_ASCII).decode("latin-1")


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value or "").encode()


def _is_tag(kind: bytes, body: bytes) -> bool:
    if kind == b"tEXt":
        return png.text(body)[0] in _TAGS
    return kind in (b"eXIf", b"caBX") or (kind == b"iTXt" and body.startswith(XMP_KEYWORD))
