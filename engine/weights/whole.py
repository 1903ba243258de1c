"""Whether weights lie on this machine in one piece, told without reading all of them; torch-free.

A safetensors file says in its header how long it is, and an index which files belong together. The
hub's cache names each large file by its sha256, so `digests` can prove every byte, at the price of
reading them.
"""

import hashlib
import json
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

from engine.variants.catalog import StartupLora, Variant, Weights

SHA256 = re.compile(r"[0-9a-f]{64}")
LONGEST_HEADER = 100_000_000


@dataclass(frozen=True, slots=True)
class Lying:
    """What lies here of one source: its folder, or None; its bytes; what is wrong with it."""

    source: str
    folder: Path | None
    nbytes: int = 0
    faults: tuple[str, ...] = ()


def sources(variant: Variant) -> Iterator[Weights | StartupLora]:
    """Yield all that a local variant loads from."""
    if variant.vendor:
        return
    yield variant.weights
    yield from variant.companions.values()
    if variant.lora:
        yield variant.lora


def look(source: Weights | StartupLora, root: Path, *, digests: bool = False) -> Lying:
    """Return what lies on this machine of a source, and whether it is whole."""
    folder = _folder(source, root)
    if folder is None or not folder.is_dir():
        return Lying(source.source, None)
    files = [folder / source.file] if isinstance(source, StartupLora) else _files(folder)
    faults = [*_missing(files, folder), *(fault for file in files for fault in _fault(file))]
    if digests:
        faults += [fault for file in files for fault in _other_bytes(file)]
    nbytes = sum(file.stat().st_size for file in files if file.is_file())
    return Lying(source.source, folder, nbytes, tuple(faults))


def _folder(source: Weights | StartupLora, root: Path) -> Path | None:
    if not source.revision:
        return root / source.source
    try:
        found = snapshot_download(source.source, revision=source.revision, local_files_only=True)
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError, ValueError):
        return None
    return Path(found)


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file() or file.is_symlink())


def _missing(files: list[Path], folder: Path) -> Iterator[str]:
    if not files:
        yield "empty"
    for index in (file for file in files if file.name.endswith(".safetensors.index.json")):
        try:
            named = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (OSError, ValueError, LookupError):
            yield f"{index.relative_to(folder)} cannot be read"
            continue
        for name in sorted(named):
            if not (index.parent / name).is_file():
                yield f"{(index.parent / name).relative_to(folder)} is missing"


def _fault(file: Path) -> Iterator[str]:
    if not file.is_file():
        yield f"{file.name} is missing"
    elif file.suffix == ".safetensors" and file.stat().st_size != _length(file):
        yield f"{file.name} is cut off or damaged"


def _length(file: Path) -> int | None:
    """Return how long a safetensors file says that it is, None where it says nothing sensible."""
    with file.open("rb") as opened:
        start = opened.read(8)
        size = struct.unpack("<Q", start)[0] if len(start) == 8 else LONGEST_HEADER + 1
        if size > LONGEST_HEADER:
            return None
        try:
            header = json.loads(opened.read(size))
            ends = [part["data_offsets"][1] for name, part in header.items() if name[0] != "_"]
        except (ValueError, LookupError, TypeError, AttributeError):
            return None
    return 8 + size + max(ends, default=0)


def _other_bytes(file: Path) -> Iterator[str]:
    named = file.resolve().name
    if not file.is_file() or not SHA256.fullmatch(named):
        return
    with file.open("rb") as opened:
        if hashlib.file_digest(opened, "sha256").hexdigest() != named:
            yield f"{file.name} has other bytes than its sha256 says"
