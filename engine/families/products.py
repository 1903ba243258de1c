"""A linear layer's product, by the faster library at hand, and not twice.

On a CPU torch takes float32 products with MKL, which leaves half of what an AMD processor can do
unused; oneDNN, which torch brings too, does not. Neither's bits are better, but they differ: a
layer takes all of its tokens the same way, whoever else's are among them.
"""

from collections import OrderedDict
from weakref import WeakKeyDictionary

import torch
from torch.nn.functional import linear

AT_HAND = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
"""Whether this torch was built with oneDNN."""
FEWEST = 4
"""Tokens from which on their number changes no bit; fewer are taken as vectors are."""
KEPT = 64
"""Vectors whose products a layer remembers: the steps of a few schedules."""

_known: WeakKeyDictionary[torch.nn.Linear, OrderedDict[bytes, torch.Tensor]] = WeakKeyDictionary()


def of_tokens(layer: torch.nn.Linear, x: torch.Tensor) -> torch.Tensor:
    """Return the layer's output for tokens (rows, tokens, in_features)."""
    if x.dtype is torch.float32 and AT_HAND and _plain(x):
        # What torch.compile calls on a CPU; no public name of torch's reaches it.
        product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
            x.contiguous(), layer.weight, layer.bias, "none", [], ""
        )
        return product
    return linear(x, layer.weight, layer.bias)


def of_vector(layer: torch.nn.Linear, x: torch.Tensor) -> torch.Tensor:
    """Return the layer's output for one vector (1, in_features), or very few tokens.

    Of a time's vector transformers take products as large as all of a small picture's tokens
    need, and the times are those of every picture with so many steps.
    """
    if x.ndim > 2 or torch.compiler.is_compiling() or not _plain(x):
        return linear(x, layer.weight, layer.bias)
    key = x.contiguous().view(torch.uint8).numpy().tobytes()
    known = _known.setdefault(layer, OrderedDict())
    if key not in known:
        known[key] = linear(x, layer.weight, layer.bias)
        if len(known) > KEPT:
            known.popitem(last=False)
    known.move_to_end(key)
    return known[key]


def _plain(x: torch.Tensor) -> bool:
    # oneDNN knows no gradients; of other types than float32 torch gives it the product by itself.
    return x.device.type == "cpu" and not torch.is_grad_enabled()
