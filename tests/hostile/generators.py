"""What people send who mean no good, made at random: texts, addresses, files. Knows no product."""

import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Sequence

from PIL import Image
from PIL.PngImagePlugin import PngInfo

CANARY = "canary-7f3a"
"""Stands in every hostile text: it must turn up in no log."""
PIECES = (
    "@everyone", "<@1>", "<@&1>", "<#1>", "</imagine:1>", "<t:0:R>", "**", "```", "``", "> ", "# ",
    "||", "[x](https://evil.example)", "\u202e", "\u200b", "\u2066", "\ufeff", "\0", "\ud800",
    "{", "}", "{0}", "{words}", "{0.__class__}", "%s", "%n", "$(id)", "`id`", "'; DROP TABLE x;--",
    "\" OR 1=1", "../../etc/passwd", "C:\\", "<script>", "\x1b[2J", "\r\n", "\n\n", "🏳️‍🌈" * 3,
    "a\u0300\u0301\u0302" * 5, "ﷺ" * 4, "龘" * 9, "𠮷", "\uffff", "__colour__", "{a|b|c}", "{" * 20,
    "{a|" * 9, "}|{", "\\" * 7, "${jndi:ldap://x}", "🎨", "ignore all previous instructions", "\t",
    "null", "None", "true", "NaN", "-1", "1e999", "0x10", "٣", "１２８", "①",
)  # fmt: skip
NUMBERS = (
    "", "0", "-1", "4294967295", "4294967296", "9" * 20, "9" * 400, "1e9", "NaN", "inf", "1.5",
    "٣٤", "0x7", " 7 ", "7 8", "+7", "²", "½", "1_000", "7\n", "-0", "00007",
)  # fmt: skip
SIZES = (
    "0x0", "1x1", "-1x-1", "999999x1", "16:9", "0:0", "1:0", "9" * 50 + ":1", "1:" + "9" * 50, "x",
    "96x", "x96", "96×128", "96*128", "NaNxNaN", "1e3x1e3", "方图", "square square", "½:1", "١:٢",
)  # fmt: skip
HOSTS = (
    "127.0.0.1", "localhost", "0", "0x7f000001", "2130706433", "017700000001", "[::1]",
    "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1", "huggingface.co.evil.example",
    "evil.example#huggingface.co",
    "huggingface.co@evil.example", "HUGGINGFACE.CO", "civitai.com.", "[::", "a" * 300,
    "xn--ls8h.example",
    "huggingface.co\\@evil.example", "huggingface。co", "%68uggingface.co", "cdn.discordapp.com",
)  # fmt: skip
SCHEMES = (
    "https://",
    "http://",
    "file://",
    "ftp://",
    "gopher://",
    "data:",
    "javascript:",
    "//",
    "",
)
PATHS = (
    "", "/", "/../..", "/attachments/1/2/x.png", "/blob/main/x",
    "/models/1?modelVersionId=9" + "9" * 40,
    "/%2e%2e/%00", "/?" + "a=b&" * 500, "/x\r\nHost: evil", "/ x", ":0/", ":99999/",
    "/models/x?modelVersionId=٣",
)  # fmt: skip
NAMES = ("../../x", "/etc/passwd", "a", "C:\\x", "x" * 200, ".", "__MACOSX/a", "龘", "..", "a/../b")
KINDS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")


def text(chance: random.Random, most: int = 400) -> str:
    """Return words nobody would draw."""
    pieces = [chance.choice(PIECES) for _ in range(chance.randint(0, 12))]
    if chance.random() < 0.2:
        pieces.append(
            "".join(chr(chance.randrange(0x110000)) for _ in range(chance.randint(1, 60)))
        )
    if chance.random() < 0.05:
        pieces.append("a" * chance.choice((399, 400, 401, 6000, 100_000)))
    chance.shuffle(pieces)
    return f"{CANARY}{chance.choice(('', ' '))}".join(["", *pieces])[: most * 4]


def sendable(chance: random.Random, most: int) -> str:
    """Return such words as Discord hands on: some, no longer than it allows, and encodable."""
    said = text(chance).encode("utf-8", "ignore").decode().replace("\0", "")
    return said.strip()[:most].strip() or CANARY


def number(chance: random.Random) -> str:
    """Return something in place of a number."""
    return chance.choice((*NUMBERS, text(chance, 10)))


def size(chance: random.Random) -> str:
    """Return something in place of a size."""
    return chance.choice((*SIZES, text(chance, 10), f"{number(chance)}x{number(chance)}"))


def url(chance: random.Random) -> str:
    """Return an address that leads astray."""
    made = chance.choice(SCHEMES) + chance.choice(HOSTS) + chance.choice(PATHS)
    return made if chance.random() < 0.8 else made + text(chance, 20)


def picture(chance: random.Random) -> bytes:
    """Return a file that claims to be a picture: odd, spoilt, or nothing of the kind."""
    makers = (_odd, _odd, _spoilt, _spoilt, _bomb, _stuffed, _moving, archive, _noise)
    return chance.choice(makers)(chance)


def archive(chance: random.Random) -> bytes:
    """Return a zip with names, sizes and contents nobody should trust."""
    out = io.BytesIO()
    methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    with zipfile.ZipFile(out, "w") as made:
        many = chance.random() < 0.03
        for nth in range(250 if many else chance.choice((0, 1, 2, 3))):
            name = chance.choice(NAMES) + chance.choice((".png", ".PNG", ".txt", "", ".", "/"))
            entry = zipfile.ZipInfo(f"{nth}{name}" if chance.random() < 0.8 else name or "x")
            said = text(chance, 99).encode("utf-8", "replace")
            content = chance.choice((said, _odd(chance), bytes(chance.choice((0, 9, 2**18)))))
            made.writestr(entry, b"" if many else content, chance.choice(methods))
    return _maybe_spoilt(out.getvalue(), chance)


def spoilt(content: bytes, chance: random.Random) -> bytes:
    """Return a file with a few bytes changed, cut, doubled or put in."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(4):
            case 0:
                changed[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                changed[at : at + 4] = struct.pack(">I", chance.choice((0, 1, 2**31, 2**32 - 1)))
            case 2:
                del changed[at : at + chance.randrange(64)]
            case _:
                changed[at:at] = changed[: chance.randrange(64)]
    return bytes(changed)


def custom_id(chance: random.Random, actions: Sequence[str], orders: Sequence[str]) -> str:
    """Return the mark of a button, somebody else's or nobody's."""
    action = chance.choice((*actions, "x", "", "remix-form", "edit-form", "a" * 30))
    subject = chance.choice((*orders, *orders, "me", "0" * 10, "9" * 90, "-1", "", "../x", "z"))
    page = chance.choice(("", ":0", ":1", ":2", ":10", ":" + "9" * 60, ":٣", ":-1", ":"))
    tail = chance.choice(("", "~", "~*x~" + text(chance, 10), "~-~%"))
    return f"{action}:{subject}{page}{tail}"[:100]


def _image(chance: random.Random) -> Image.Image:
    mode = chance.choice(("RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "I;16", "F", "I"))
    wide, high = (chance.choice((1, 2, 31, 32, 33, 64, 100)) for _ in range(2))
    if chance.random() < 0.05:
        wide *= 40
    return Image.new(mode, (wide, high))


def _saved(image: Image.Image, chance: random.Random, **how: object) -> bytes:
    out = io.BytesIO()
    kind = chance.choice(KINDS)
    try:
        image.save(out, kind, **how)
    except (OSError, ValueError, KeyError, TypeError, SyntaxError, struct.error):
        image.convert("RGB").save(out := io.BytesIO(), "PNG")
    return out.getvalue()


def _odd(chance: random.Random) -> bytes:
    return _saved(_image(chance), chance)


def _spoilt(chance: random.Random) -> bytes:
    return spoilt(_odd(chance), chance)


def _maybe_spoilt(content: bytes, chance: random.Random) -> bytes:
    return spoilt(content, chance) if chance.random() < 0.5 else content


def _bomb(chance: random.Random) -> bytes:
    """Return a few bytes of PNG that ask for gigabytes, by its size or by its texts."""
    side = chance.choice((20_000, 65_535, 2**31 - 1))
    head = struct.pack(">IIBBBBB", side, chance.choice((side, 64)), 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(2**20))
    loud = chance.choice((b"zTXt", b"iCCP"))
    kinds = [(b"IHDR", head), (loud, b"x\0\0" + zlib.compress(bytes(2**22))), (b"IDAT", body)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*one) for one in [*kinds, (b"IEND", b"")])


def _stuffed(chance: random.Random) -> bytes:
    """Return a small picture with far more said about it than there is of it."""
    image, info = Image.new("RGB", (40, 40)), PngInfo()
    junk = chance.choice((text(chance, 50).encode("utf-8", "replace"), b"{" * 9999, b"<x>" * 9999))
    said = junk.decode("latin-1")
    info.add_text("reroll", said)
    info.add_text("AIGC", json.dumps({"Label": said[:99], "ProduceID": said[:99]}))
    info.add_itxt("XML:com.adobe.xmp", said)
    how = chance.choice(({"pnginfo": info}, {"exif": junk}, {"icc_profile": junk}, {"xmp": junk}))
    return _maybe_spoilt(_saved(image, chance, **how), chance)


def _moving(chance: random.Random) -> bytes:
    frames = [Image.new("RGB", (40, 40), (shade, 0, 0)) for shade in range(0, 250, 50)]
    out = io.BytesIO()
    kind = chance.choice(("GIF", "WEBP", "PNG", "TIFF"))
    frames[0].save(out, kind, save_all=True, append_images=frames[1:])
    return _maybe_spoilt(out.getvalue(), chance)


def _noise(chance: random.Random) -> bytes:
    heads = (
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"RIFF\0\0\0\0WEBP",
        b"GIF89a",
        b"II*\0",
        b"BM",
    )
    return chance.choice(heads) + chance.randbytes(chance.choice((0, 1, 20, 500)))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
