"""What the rows of a transformer's forward wear; knows no family.

Nothing of the base is replaced: each layer's output is added to, row by row. So its weights cannot
change, whatever fails, and the layers may be offloaded, or stored in 8 bits.
"""

from collections.abc import Callable, Sequence

import torch
from torch.nn.functional import linear

from engine.loras.adapters import Misfit, Worn

Part = tuple[torch.Tensor, torch.Tensor, float]
Hook = Callable[[torch.nn.Module, tuple[torch.Tensor, ...], torch.Tensor], torch.Tensor]
Row = tuple[Worn, ...]


class Wardrobe:
    """Dresses one transformer; what stays the same from one forward to the next is left on."""

    def __init__(self, transformer: torch.nn.Module) -> None:
        self._modules = dict(transformer.named_modules())
        self._rows: tuple[Row, ...] = ()
        self._hooks: list[torch.utils.hooks.RemovableHandle] = []

    def put_on(self, rows: Sequence[Row]) -> None:
        """Have each row of the next forwards wear its own, in their order. Raises Misfit."""
        worn = tuple(rows) if any(rows) else ()
        if worn == self._rows:
            return
        self.put_off()
        for module, parts in self._layers(worn):
            self._hooks.append(module.register_forward_hook(_adding(parts)))
        self._rows = worn

    def put_off(self) -> None:
        """Take everything off."""
        for hook in self._hooks:
            hook.remove()
        self._hooks, self._rows = [], ()

    def _layers(self, rows: Sequence[Row]) -> list[tuple[torch.nn.Linear, list[list[Part]]]]:
        layers: dict[str, list[list[Part]]] = {}
        for number, row in enumerate(rows):
            for one in row:
                for name, (down, up) in one.adapter.pairs.items():
                    parts = layers.setdefault(name, [[] for _ in rows])
                    parts[number].append((down, up, one.weight))
        return [
            (_fitting(self._modules.get(name), name, parts), parts)
            for name, parts in layers.items()
        ]


def _fitting(
    module: torch.nn.Module | None, name: str, parts: Sequence[Sequence[Part]]
) -> torch.nn.Linear:
    if not isinstance(module, torch.nn.Linear):
        raise Misfit(f"a LoRA does not fit {name}")
    own = (module.in_features, module.out_features)
    for down, up, _ in (part for row in parts for part in row):
        if (down.shape[1], up.shape[0]) != own or down.shape[0] != up.shape[1]:
            raise Misfit(f"a LoRA does not fit {name}")
    return module


def _adding(rows: Sequence[Sequence[Part]]) -> Hook:
    groups = _groups(rows)

    def added(
        _module: torch.nn.Module, given: tuple[torch.Tensor, ...], out: torch.Tensor
    ) -> torch.Tensor:
        (taken,) = given
        if len(rows) == 1:  # all of a lone picture's, whatever a layer sees as its rows
            return _sum(rows[0], taken, out)
        # Tokens of several rows have the bits they have alone; vectors, and what lies otherwise
        # in memory, have not: see `engine.families.rows`.
        alone = taken.ndim == 2 or not taken.is_contiguous()
        for places, parts in groups:
            for place in places if alone else [places]:
                which = [place] if isinstance(place, int) else place
                at = slice(which[0], which[-1] + 1) if _follow(which) else which
                out[at] = _sum(parts, taken[at], out[at])
        return out

    return added


def _groups(rows: Sequence[Sequence[Part]]) -> list[tuple[list[int], Sequence[Part]]]:
    """Return the rows that wear something, those together that wear the same."""
    groups: dict[tuple[tuple[int, int, float], ...], tuple[list[int], Sequence[Part]]] = {}
    for place, parts in enumerate(rows):
        worn = tuple((id(down), id(up), weight) for down, up, weight in parts)
        groups.setdefault(worn, ([], parts))[0].append(place)
    return [group for worn, group in groups.items() if worn]


def _follow(places: Sequence[int]) -> bool:
    return places[-1] - places[0] == len(places) - 1


def _sum(parts: Sequence[Part], taken: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    for down, up, weight in parts:
        # As PEFT computes it, to the last bit.
        out = out + linear(linear(taken.to(down.dtype), down), up) * weight
    return out
