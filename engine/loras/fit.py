"""Which base a LoRA is for, by what it holds; torch-free.

Members seldom know it, and what files say of themselves is often wrong.
"""

from collections.abc import Collection, Iterable
from typing import BinaryIO

from engine.loras import errors
from engine.loras.check import Pair, pairs_of
from engine.loras.names import Base, bases

MISFITS = (errors.LoraModuleUnknown, errors.LoraShapeWrong)


def base_of(file: BinaryIO, served: Collection[str]) -> Base:
    """Return the base that a LoRA is for, among those that are `served`.

    Raises LoraBaseUnserved, LoraBaseUnclear where several are possible, LoraFitsNothing, or what
    else is wrong with the file.
    """
    fitting, amiss = _fitting(file)
    if not fitting:
        raise amiss or errors.LoraFitsNothing()
    # One that changes a few blocks may fit a larger base too, one that changes all blocks does not.
    whole = [base for base, pairs in fitting if _is_whole(base, pairs)]
    likely = whole or [base for base, _ in fitting]
    here = [base for base in likely if base.name in served]
    if not here:
        raise errors.LoraBaseUnserved(base=likely[0].name)
    if len(here) > 1:
        raise errors.LoraBaseUnclear(bases=", ".join(base.name for base in here))
    return here[0]


def _fitting(
    file: BinaryIO,
) -> tuple[list[tuple[Base, tuple[Pair, ...]]], errors.LoraRefused | None]:
    """Return the bases that take a file, and what is wrong with it beside being for another."""
    fitting, amiss = [], None
    for base in bases().values():
        try:
            fitting.append((base, pairs_of(file, base)))
        except MISFITS:
            continue
        except errors.LoraRefused as refused:
            amiss = amiss or refused
    return fitting, amiss


def _is_whole(base: Base, pairs: Iterable[Pair]) -> bool:
    """Tell whether it changes every block of each stack of blocks that it changes at all."""
    touched = _blocks(piece.module for pair in pairs for piece in pair.target)
    stacks = {stack for stack, _ in touched}
    return touched == {block for block in _blocks(base.linears) if block[0] in stacks}


def _blocks(modules: Iterable[str]) -> set[tuple[str, str]]:
    """Return the stacks and numbers of the blocks that hold these layers."""
    split = (module.split(".") for module in modules)
    return {(parts[0], parts[1]) for parts in split if len(parts) > 1 and parts[1].isdigit()}
