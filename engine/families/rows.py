"""Rows of several pictures in one forward of a stock transformer, each with the bits it has alone.

A product's last bits do not depend on how many tokens it is taken of, from four on; that of a
single vector has bits of its own, and so has one of tokens that lie in memory in another order.
Stock transformers make one vector of each row (time, guidance, modulation): such layers are taken
row by row, and all tokens of the others at once.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, cast

import torch
from diffusers.models.activations import GELU
from torch.nn.functional import linear

from engine.families.products import FEWEST, by_onednn, of_tokens, of_vectors, with_gelu
from engine.loras.adding import untouched


def stacked(rows: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return the rows as one tensor, each lying in memory as it does alone."""
    first = rows[0]
    if first.is_contiguous():
        return torch.cat(list(rows))
    size, strides = (len(rows), *first.shape[1:]), (first.numel(), *first.stride()[1:])
    together = torch.empty_strided(size, strides, dtype=first.dtype, device=first.device)
    for place, row in zip(torch.split(together, 1), rows, strict=True):
        place.copy_(row)
    return together


class Guest:
    """Stands for the transformer in one picture's pipeline; `forward` answers for its calls."""

    def __init__(self, transformer: torch.nn.Module, forward: Callable[..., Any]) -> None:
        self._transformer, self._forward = transformer, forward

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transformer, name)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Return what the transformer gives."""
        return self._forward(arguments, named)

    def cache_context(self, _name: str) -> AbstractContextManager[None]:
        """Keep nothing from step to step: the next forward may be another picture's."""
        return nullcontext()


def apart(transformer: torch.nn.Module) -> None:
    """Let the transformer's layers take row by row what has other bits together."""
    _have(transformer, _row_by_row)


def together(transformer: torch.nn.Module) -> None:
    """Let the transformer's layers take all rows at once, whatever bits each gets."""
    _have(transformer, _all_rows)


def _have(transformer: torch.nn.Module, forward: Callable[..., torch.Tensor]) -> None:
    for module in transformer.modules():
        if type(module) is torch.nn.Linear:
            module.forward = partial(forward, module)  # type: ignore[method-assign]
        if type(module) is GELU and module.approximate == "tanh":
            module.forward = partial(_activated, module)


def _row_by_row(layer: torch.nn.Linear, x: torch.Tensor) -> torch.Tensor:
    if _is_tokens(x):
        return of_tokens(layer, x)
    if x.ndim == 2:
        return of_vectors(layer, x)
    return torch.cat([linear(row, layer.weight, layer.bias) for row in torch.split(x, 1)])


def _is_tokens(x: torch.Tensor) -> bool:
    return x.ndim > 2 and x.shape[1] >= FEWEST and x.is_contiguous()


def _activated(inner: GELU, x: torch.Tensor) -> torch.Tensor:
    """Return what GELU makes of the layer before it, in one go where no LoRA comes between."""
    layer = inner.proj
    # Weights in 8 bits are none before the layer's own forward, and PEFT puts layers around it.
    is_plain = type(layer) is torch.nn.Linear and layer.weight.dtype is x.dtype
    if torch.compiler.is_compiling() or not (is_plain and _is_tokens(x) and by_onednn(x)):
        return cast(torch.Tensor, GELU.forward(inner, x))
    bare = untouched(layer, len(x))
    if len(bare) == len(x):
        return with_gelu(layer, x)
    activated: torch.Tensor = GELU.forward(inner, x)
    if bare:
        activated[bare] = with_gelu(layer, x[bare])
    return activated


def _all_rows(layer: torch.nn.Linear, x: torch.Tensor) -> torch.Tensor:
    return of_tokens(layer, x) if x.ndim > 2 else linear(x, layer.weight, layer.bias)
