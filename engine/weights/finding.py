"""Where weights lie on this machine, and their digest; knows no architecture and no device."""

import functools
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from huggingface_hub import hf_hub_download, snapshot_download

from engine.variants.catalog import StartupLora, Weights

if TYPE_CHECKING:
    from engine.memory.words import Words
    from engine.vendor.connection import Connection

FULL_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Place:
    """How sources are found: folders below `root`, the hub's cache only when `offline`.

    What a vendor hosts is reached through `vendor`, if the host has a key for it. What text
    encoders make of texts is kept in `words`.
    """

    root: Path
    offline: bool
    vendor: "Connection | None" = None
    words: "Words | None" = None


@dataclass(frozen=True, slots=True)
class Found:
    """A folder or file on this machine and the digest that tells its contents."""

    path: Path
    digest: str


def find_weights(weights: Weights, parts: Sequence[str], place: Place) -> Found:
    """Find the folder that holds `parts`, folders or files, downloading a pinned revision.

    A folder's digest is the sha256 of its sorted (relative path, sha256) lines, over the parts'
    files only: a licence or a note beside them decides no pixel. The hub's digest is the commit.
    """
    if not weights.revision:
        folder = _local(weights.source, place.root)
        return Found(folder, _folder_digest(folder, parts))
    path = snapshot_download(
        weights.source,
        revision=_commit(weights.source, weights.revision),
        allow_patterns=["model_index.json", *parts, *(f"{part}/*" for part in parts)],
        local_files_only=place.offline,
    )
    return Found(Path(path), weights.revision)


def find_lora(lora: StartupLora, place: Place) -> Found:
    """Find the startup LoRA's file, downloading a pinned revision where needed."""
    if not lora.revision:
        path = _local(lora.source, place.root) / lora.file
        return Found(path, _file_digest(path))
    path = Path(
        hf_hub_download(
            lora.source,
            lora.file,
            revision=_commit(lora.source, lora.revision),
            local_files_only=place.offline,
        )
    )
    return Found(path, f"{lora.revision}/{lora.file}")


def joined_digest(digests: Iterable[str]) -> str:
    """Return one digest for several: itself when single, else the sha256 of their lines."""
    lines = list(digests)
    return lines[0] if len(lines) == 1 else hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _local(source: str, root: Path) -> Path:
    folder = root / source
    if not folder.is_dir():
        raise NotADirectoryError(
            f"{folder} is no folder; a hub repository needs `revision`, its full commit id"
        )
    return folder


def _commit(source: str, revision: str) -> str:
    # A branch or a short id can move, and every recipe made with it would silently change.
    if not FULL_COMMIT.fullmatch(revision):
        raise ValueError(f"{source} needs a full commit id of 40 hex digits, not {revision!r}")
    return revision


def _folder_digest(folder: Path, parts: Iterable[str]) -> str:
    files = {
        file.relative_to(folder).as_posix(): file
        for part in parts
        for file in (folder / part, *(folder / part).rglob("*"))
        if file.is_file()
    }
    lines = [f"{name} {_file_digest(file)}\n" for name, file in sorted(files.items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _file_digest(path: Path) -> str:
    status = path.stat()
    return _read_digest(path, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=4096)
def _read_digest(path: Path, _size: int, _changed: int) -> str:
    # Weights are tens of GB: read once a process, again only when size or time has changed.
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
