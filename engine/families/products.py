"""A linear layer's product, by the faster library at hand, and not twice.

On a CPU torch takes float32 products with MKL, which leaves half of what an AMD processor can do
unused; oneDNN, which torch brings too, does not. Neither's bits are better, but they differ: a
layer takes all of its tokens the same way, whoever else's are among them.
"""

from collections import OrderedDict
from collections.abc import Sequence
from weakref import WeakKeyDictionary

import torch
from torch.nn.functional import linear, pad

AT_HAND = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
"""Whether this torch was built with oneDNN."""
FEWEST = 4
"""Tokens from which on their number changes no bit; fewer are taken as vectors are."""
KEPT = 64
"""Vectors whose products a layer remembers: the steps of a few schedules."""
LIGHT = 2**20
"""Bytes up to which a layer's weights are kept a second time as oneDNN wants them, which it else
makes of them at each product: a tenth to a fifth of a small picture's. Large models' would be
gigabytes."""

_known: WeakKeyDictionary[torch.nn.Linear, OrderedDict[bytes, torch.Tensor]] = WeakKeyDictionary()
_packed: WeakKeyDictionary[torch.nn.Linear, tuple[tuple[int, int], torch.Tensor]] = (
    WeakKeyDictionary()
)


def of_tokens(layer: torch.nn.Linear, x: torch.Tensor) -> torch.Tensor:
    """Return the layer's output for tokens (rows, tokens, in_features)."""
    if by_onednn(x):
        return _product(layer, x, "none", "")
    return linear(x, layer.weight, layer.bias)


def with_gelu(layer: torch.nn.Linear, x: torch.Tensor) -> torch.Tensor:
    """Return GELU, by its tanh, of the layer's output for tokens that are taken `by_onednn`.

    In one go, two thirds of GELU's time are saved; its last bits are not those of torch's own.
    """
    return _product(layer, x, "gelu", "tanh")


def by_onednn(x: torch.Tensor) -> bool:
    """Tell whether oneDNN takes products of such tokens."""
    return x.dtype is torch.float32 and AT_HAND and _plain(x)


def _product(layer: torch.nn.Linear, x: torch.Tensor, then: str, how: str) -> torch.Tensor:
    # What torch.compile calls on a CPU; no public name of torch's reaches it.
    product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
        x.contiguous(), _weight(layer), layer.bias, then, [], how
    )
    return product


def of_vectors(layer: torch.nn.Linear, x: torch.Tensor) -> torch.Tensor:
    """Return the layer's output for vectors (rows, in_features), each with the bits it has alone.

    Of a time's vector transformers take products as large as all of a small picture's tokens
    need, and the times are those of every picture with so many steps.
    """
    if torch.compiler.is_compiling() or not _plain(x):
        return _one_by_one(layer, x)
    known = _known.setdefault(layer, OrderedDict())
    bits = [row.tobytes() for row in x.contiguous().view(torch.uint8).numpy()]
    new = {key: place for place, key in enumerate(bits) if key not in known}
    if new:
        known.update(zip(new, torch.split(_apart(layer, x[list(new.values())]), 1), strict=True))
    for key in bits:
        known.move_to_end(key)
    product = _joined([known[key] for key in bits])
    while len(known) > KEPT:
        known.popitem(last=False)
    return product


def _weight(layer: torch.nn.Linear) -> torch.Tensor:
    """Return a layer's weights in the order that its products are fastest in; no bit changes.

    What is written past autograd, into `weight.data`, after the first product is not seen.
    """
    weight = layer.weight
    if torch.compiler.is_compiling():
        return weight
    of, packed = _packed.get(layer, (None, weight))
    now = (weight.data_ptr(), weight._version)
    if of != now and weight.nbytes <= LIGHT:
        packed = torch.ops.mkldnn._reorder_linear_weight(weight.detach())
        _packed[layer] = (now, packed)
    return packed


def _apart(layer: torch.nn.Linear, vectors: torch.Tensor) -> torch.Tensor:
    if vectors.dtype is not torch.float32 or not AT_HAND:
        return _one_by_one(layer, vectors)
    # Filled up, so that a vector alone has the bits that it has among others.
    filled = pad(vectors, (0, 0, 0, max(0, FEWEST - len(vectors))))
    return of_tokens(layer, filled)[: len(vectors)].clone()


def _one_by_one(layer: torch.nn.Linear, x: torch.Tensor) -> torch.Tensor:
    return _joined([linear(row, layer.weight, layer.bias) for row in torch.split(x, 1)])


def _joined(rows: Sequence[torch.Tensor]) -> torch.Tensor:
    return torch.cat(list(rows)) if rows[1:] else rows[0]


def _plain(x: torch.Tensor) -> bool:
    # oneDNN knows no gradients; of other types than float32 torch gives it the product by itself.
    return x.device.type == "cpu" and not torch.is_grad_enabled()
