"""`python -m engine lora train`: train a LoRA on a folder of pictures, without bot or queue."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.command.logs import logs_on_stderr
from engine.pictures import uploads
from engine.training import errors
from engine.training.plan import Example, Plan, captioned, terms, trainer
from engine.variants.catalog import VARIANTS, Catalog, Variant

if TYPE_CHECKING:
    from engine.training.loop import Training

SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"))
OF_A_KIND = 25
"""Steps between two lines of progress."""
SAVED_EACH = 100


def add_to(actions: Any) -> None:
    """Add the command to the actions of `lora`."""
    train = actions.add_parser("train", help="train one on a folder of pictures")
    train.set_defaults(command=_train)
    train.add_argument("folder", type=Path, help="pictures; NAME.txt beside one is its caption")
    train.add_argument("--variant", default="starter", help="any variant that wears such LoRAs")
    train.add_argument("--out", type=Path, required=True, help="the canonical file to write")
    train.add_argument("--trigger", default="", help="a word that goes into every caption")
    train.add_argument("--rank", type=int)
    train.add_argument("--steps", type=int)
    train.add_argument("--seed", type=int, default=1)
    train.add_argument("--checkpoint", type=Path, help="kept while it runs; gone on from if there")
    train.add_argument("--json", action="store_true", help="print JSON")
    train.add_argument("--variants-folder", type=Path, default=VARIANTS)


def _train(options: argparse.Namespace) -> None:
    asked = Catalog.load([options.variant], options.variants_folder).default
    if not asked.loras:
        raise errors.TrainingUnsupported(base=asked.name)
    variant = trainer(asked.loras, options.variants_folder)
    known = terms(variant)
    plan = Plan(
        variant=variant.name,
        rank=known.rank.default if options.rank is None else options.rank,
        steps=known.steps.default if options.steps is None else options.steps,
        seed=options.seed,
    )
    examples = _examples(options.folder, options.trigger)
    started = time.perf_counter()
    with logs_on_stderr():
        training = _trained(options, variant, plan, examples)
    lora = training.lora()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_bytes(lora.content)
    values = {
        "file": str(options.out),
        "base": variant.loras,
        "sha256": lora.sha256,
        "bytes": len(lora.content),
        "rank": lora.rank,
        "steps": training.step,
        "loss": round(training.recent, 4),
        "seconds": round(time.perf_counter() - started, 1),
    }
    line = "{file}  {steps} steps  loss {loss}  {seconds} s  {sha256}".format(**values)
    _say(json.dumps(values) if options.json else line, sys.stdout)


def _trained(
    options: argparse.Namespace, variant: Variant, plan: Plan, examples: tuple[Example, ...]
) -> "Training":
    # torch takes seconds to import.
    from engine.engine import Engine
    from engine.memory.settings import MemorySettings
    from engine.training.studio import begin

    kept = options.checkpoint.read_bytes() if _is_there(options.checkpoint) else b""
    training = begin(Engine(wishes=MemorySettings().wishes), variant, plan, examples, kept)
    while not training.is_done:
        training.advance()
        _report(training, plan, options.checkpoint)
    return training


def _report(training: "Training", plan: Plan, checkpoint: Path | None) -> None:
    if training.step % OF_A_KIND == 0:
        _say(f"step {training.step} of {plan.steps}  loss {training.recent:.4f}", sys.stderr)
    if checkpoint and (training.step % SAVED_EACH == 0 or training.is_done):
        # In one rename: what is killed while writing leaves the last whole one.
        fresh = checkpoint.with_name(f"{checkpoint.name}.new")
        fresh.write_bytes(training.checkpoint())
        fresh.replace(checkpoint)


def _is_there(file: Path | None) -> bool:
    return file is not None and file.is_file()


def _examples(folder: Path, trigger: str) -> tuple[Example, ...]:
    """Read pictures and captions by name. Raises PictureRefused, CaptionMissing or OSError."""
    files = [file for file in sorted(folder.iterdir()) if file.suffix.lower() in SUFFIXES]
    pictures = [uploads.read(file.read_bytes()).png() for file in files]
    captions = captioned([_caption(file.with_suffix(".txt")) for file in files], trigger)
    return tuple(map(Example, pictures, captions))


def _caption(file: Path) -> str:
    return " ".join(file.read_text(encoding="utf-8").split()) if file.is_file() else ""


def _say(line: str, where: Any) -> None:
    print(line, file=where, flush=True)
