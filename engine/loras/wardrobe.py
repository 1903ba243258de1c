"""What the rows of a transformer's forward wear; knows no family.

Nothing of the base is replaced: each layer's output is added to, row by row. So its weights cannot
change, whatever fails, and the layers may be offloaded, or stored in 8 bits.
"""

from collections.abc import Sequence

import torch

from engine.loras.adapters import Misfit, Worn
from engine.loras.adding import Adding, Part

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
            self._hooks.append(module.register_forward_hook(Adding(parts)))
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
