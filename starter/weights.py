"""The folder that ships: saved in half precision, checked for size, swapped in at once.

It owns how the folder is written; it must not know how the parts were trained.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from diffusers import QwenImagePipeline

from starter.errors import TooLargeError

WEIGHTS = Path(__file__).with_name("weights")
LIMIT = 25_000_000
FONT_LICENCE = Path(__file__).with_name("OFL.txt")


def ship(pipeline: QwenImagePipeline, facts: Mapping[str, object], target: Path) -> None:
    """Replace `target` by the pipeline in one rename, so that a reader never meets half of it."""
    fresh, old = target.with_name(f".{target.name}.new"), target.with_name(f".{target.name}.old")
    shutil.rmtree(fresh, ignore_errors=True)
    pipeline.to(dtype=torch.float16).save_pretrained(fresh, safe_serialization=True)
    shutil.copy(FONT_LICENCE, fresh / "OFL.txt")
    text = json.dumps(dict(facts), indent=2, ensure_ascii=False, sort_keys=True)
    (fresh / "training.json").write_text(text + "\n", encoding="utf-8")
    size = folder_size(fresh)
    if size > LIMIT:
        raise TooLargeError(size, LIMIT)
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def folder_size(folder: Path) -> int:
    """Return the bytes of all files under a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def load_starter(folder: Path = WEIGHTS) -> QwenImagePipeline:
    """Load the shipped folder as the stock, unpatched pipeline in single precision."""
    pipeline = QwenImagePipeline.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
