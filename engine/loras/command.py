"""`python -m engine lora`: tell whether a file is a LoRA that can be served."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from engine.loras import errors
from engine.loras.fit import base_of
from engine.loras.names import Base, bases


def add_to(commands: Any) -> Any:
    """Add the command to the parser's; return its actions, for others to join."""
    lora = commands.add_parser("lora", help="check a LoRA's file, or train one")
    actions = lora.add_subparsers(required=True, metavar="ACTION", title="actions")
    check = actions.add_parser("check", help="tell whether it can be served")
    check.set_defaults(command=_check)
    check.add_argument("file", type=Path)
    which = check.add_mutually_exclusive_group()
    which.add_argument("--base", choices=bases(), help="the base it is for")
    which.add_argument(
        "--family", choices=sorted({base.family for base in bases().values()}), help="any of these"
    )
    check.epilog = "Without either, the base is found by what the file changes."
    check.add_argument("--out", type=Path, help="a folder for the canonical file")
    check.add_argument("--json", action="store_true", help="print JSON")
    return actions


def _check(options: argparse.Namespace) -> None:
    # torch takes seconds to import.
    from engine.loras.canon import canonical

    with options.file.open("rb") as file:
        try:
            base, kept = _first(_known(options, file), lambda one: canonical(file, one))
        except errors.LoraRefused as refusal:
            if options.json:
                _say(json.dumps({"refused": refusal.code, **refusal.params}))
            raise
    values = {
        "base": base.name,
        "sha256": kept.sha256,
        "bytes": len(kept.content),
        "layers": kept.layers,
        "rank": kept.rank,
    }
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / f"{kept.sha256}.safetensors").write_bytes(kept.content)
    line = f"{base.name}  {kept.layers} layers  rank {kept.rank}  {kept.sha256}"
    _say(json.dumps(values) if options.json else line)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _known(options: argparse.Namespace, file: BinaryIO) -> list[Base]:
    if options.base:
        return [bases()[options.base]]
    if options.family:
        return [base for base in bases().values() if base.family == options.family]
    return [base_of(file, bases())]


def _first(known: list[Base], make: Callable[[Base], Any]) -> tuple[Base, Any]:
    """Return the first base that takes the file; the last says why none does."""
    for base in known[:-1]:
        try:
            return base, make(base)
        except (errors.LoraOtherBase, errors.LoraModuleUnknown, errors.LoraShapeWrong):
            continue
    return known[-1], make(known[-1])
