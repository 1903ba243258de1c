"""A member's data as ZIP files that Discord takes: rows as JSON first, then pictures, newest first.

One file is put together at a time, off the event loop, so that a large collection costs no more
memory than a small one.
"""

import asyncio
import io
import json
import zipfile
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from bot.services import Services
from store import privacy
from store.errors import FilesUnavailable
from store.loras import library
from store.training import trainings

ROWS = 2_000
"""Rows of one JSON file: it must fit into a ZIP file."""
MARGIN = 4_096
"""For a ZIP file's own table, and the message around it."""

Rows = Sequence[Mapping[str, Any]]
Load = Callable[[], Awaitable[bytes]]
README = """\
What this bot keeps about you, as it lies in its database: one JSON file for each table, times in
milliseconds since 1970. `images` are the pictures of your orders (`generations`); their files are
in pictures/ and what you started from in inputs/, by order. Pictures that show your LoRAs are in
loras/, and those that one is learning from, as long as they are kept, in trainings/. Files of LoRAs
are not in here: their rows say which there are. Tokens by which Discord is answered are left out.

机器人保存的关于你的全部数据：每张表一个 JSON 文件，时间是 1970 年以来的毫秒数。
图片在 pictures/ 里，你上传的参考图在 inputs/ 里，都按编号存放。LoRA 的预览图在 loras/ 里，
还留着的训练用图在 trainings/ 里。LoRA 文件本身不在里面。
"""


@dataclass(slots=True)
class Left:
    """What did not fit: files, of whatever kind."""

    files: int = 0


@dataclass(frozen=True, slots=True)
class _Entry:
    """One file, and what it takes of a ZIP file."""

    name: str
    content: bytes
    method: int
    packed: int


@dataclass(slots=True)
class _Part:
    """A ZIP file in the making."""

    limit: int
    content: io.BytesIO = field(default_factory=io.BytesIO)
    size: int = MARGIN
    count: int = 0

    def takes(self, entry: _Entry) -> bool:
        return self.size + entry.packed <= self.limit

    def add(self, entry: _Entry) -> None:
        with zipfile.ZipFile(self.content, "a") as opened:
            opened.writestr(entry.name, entry.content, entry.method)
        self.size += entry.packed
        self.count += 1


async def parts(
    services: Services, user_id: int, limit: int, most: int, left: Left
) -> AsyncIterator[bytes]:
    """Yield at most so many ZIP files of at most `limit` bytes; count in `left` what is left out.

    Raises StoreUnavailable.
    """
    tables = await services.database.read(_read, user_id)
    part, sent = _Part(limit), 0
    for name, load in _entries(services, tables):
        if sent >= most:
            left.files += 1
            continue
        entry = await _entry(name, load)
        if entry is None:
            continue  # deleted, or lost
        if entry.packed + MARGIN > limit:
            left.files += 1
            continue
        if not part.takes(entry):
            yield part.content.getvalue()
            part, sent = _Part(limit), sent + 1
        if sent >= most:
            left.files += 1
            continue
        await asyncio.to_thread(part.add, entry)
    if part.count:
        yield part.content.getvalue()


async def _entry(name: str, load: Load) -> _Entry | None:
    try:
        content = await load()
    except FilesUnavailable:
        return None
    method = zipfile.ZIP_DEFLATED if name.endswith((".json", ".txt")) else zipfile.ZIP_STORED
    packed = await asyncio.to_thread(_packed, name, content, method)
    return _Entry(name, content, method, packed)


def _read(session: Session, user_id: int) -> dict[str, list[dict[str, Any]]]:
    return dict(privacy.collected(session, user_id))


def _entries(services: Services, tables: Mapping[str, Rows]) -> Iterator[tuple[str, Load]]:
    yield "README.txt", partial(asyncio.to_thread, README.encode)
    for name, rows in tables.items():
        for start in range(0, len(rows), ROWS):
            some = rows[start : start + ROWS]
            yield f"{name}-{start // ROWS + 1}.json", partial(asyncio.to_thread, _json, some)
    for folder, digest, name in _files(tables):
        yield name, partial(services.files.aget, folder, digest)


def _files(tables: Mapping[str, Rows]) -> Iterator[tuple[str, str, str]]:
    """Yield folder, digest and name of each file, of the newest orders first."""
    yield from _of_orders(tables)
    for lora in tables["loras"]:
        if lora["preview"] and lora["deleted_at"] is None:
            yield library.folder(lora["id"]), lora["preview"], f"loras/{lora['id']}.png"
    for training in tables["lora_trainings"]:
        made = training["lora_id"]
        for digest, _caption in training["examples"].get("all", ()):
            yield trainings.folder(made), digest, f"trainings/{made}-{digest[:12]}.png"


def _of_orders(tables: Mapping[str, Rows]) -> Iterator[tuple[str, str, str]]:
    images: dict[str, list[Mapping[str, Any]]] = {}
    for image in tables["images"]:
        images.setdefault(image["generation_id"], []).append(image)
    newest = sorted(tables["generations"], key=lambda row: row["created_at"], reverse=True)
    for order in newest:
        if order["deleted_at"] is not None:
            continue
        for image in images.get(order["id"], ()):
            if digest := image["file_sha256"]:
                yield order["id"], digest, f"pictures/{order['id']}-{image['index'] + 1}.png"
        for digest in _inputs(order["request"]):
            yield order["id"], digest, f"inputs/{order['id']}-{digest[:12]}.png"


def _inputs(request: Mapping[str, Any]) -> Iterator[str]:
    named = [*(request.get("references") or ()), request.get("canvas"), request.get("mask")]
    yield from dict.fromkeys(one for one in named if one)


def _json(rows: Rows) -> bytes:
    return json.dumps([dict(row) for row in rows], ensure_ascii=False, indent=1).encode()


def _packed(name: str, content: bytes, method: int) -> int:
    overhead = 2 * len(name.encode()) + 128
    is_stored = method == zipfile.ZIP_STORED
    return overhead + (len(content) if is_stored else len(zlib.compress(content)) + 64)
