"""What a layer's output is added for the LoRAs of its rows, each with the bits it has alone.

Rows with LoRAs of their own share their products too: one after the other, most of the time would
go by between them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import linear

Part = tuple[torch.Tensor, torch.Tensor, float]
"""A LoRA's matrices for the layer, down (rank, in_features) and up (out_features, rank), and how
much of it is added."""
FEWEST = 4
"""The rank from which on float32 products of several rows have the bits of each alone."""


class Adding:
    """A forward hook that adds to each row its own parts, in their order."""

    def __init__(self, rows: Sequence[Sequence[Part]]) -> None:
        self._rows = rows
        self._bundles = _bundles(rows) if len(rows) > 1 else []

    def __call__(
        self, _module: torch.nn.Module, given: tuple[torch.Tensor, ...], out: torch.Tensor
    ) -> torch.Tensor:
        """Return the layer's output with what is added to it."""
        (taken,) = given
        if len(self._rows) == 1:  # all of a lone picture's, whatever a layer sees as its rows
            # A vector's product may be remembered: see `engine.families.products`.
            out = out.clone() if taken.ndim == 2 else out
            _add(self._rows[0], taken, out)
        # Tokens of several rows have the bits they have alone; vectors, and what lies otherwise
        # in memory, have not: see `engine.families.rows`.
        elif taken.ndim == 2 or not taken.is_contiguous():
            for parts, row, its_out in zip(
                self._rows, torch.split(taken, 1), torch.split(out, 1), strict=True
            ):
                _add(parts, row, its_out)
        else:
            for bundle in self._bundles:
                bundle.add(taken, out)
        return out

    def leaves(self, place: int) -> bool:
        """Tell whether the output of the row in that place stays as it is."""
        return len(self._rows) > 1 and not self._rows[place]


def untouched(layer: torch.nn.Module, rows: int) -> list[int]:
    """Return the places of those of a layer's rows that no hook adds anything to."""
    hooks = layer._forward_hooks.values()
    return [
        place
        for place in range(rows)
        if all(isinstance(hook, Adding) and hook.leaves(place) for hook in hooks)
    ]


def _add(parts: Sequence[Part], taken: torch.Tensor, out: torch.Tensor) -> None:
    for down, up, weight in parts:
        # As PEFT computes it, to the last bit.
        product = linear(linear(taken.to(down.dtype), down), up)
        out += product if weight == 1 else product.mul_(weight)


@dataclass(frozen=True, slots=True)
class _One:
    """A row and one of its LoRAs."""

    place: int
    part: Part

    @property
    def company(self) -> tuple[str, int]:
        """Return what those have alike whose products are taken at once."""
        down = self.part[0]
        if down.device.type != "cpu":  # no bits to keep, and no memory for copies
            return "lora", id(down)
        # Between several threads a product is cut up by the size of all of it.
        sure = down.dtype is torch.float32 and torch.get_num_threads() == 1
        exact = sure and len(down) >= FEWEST
        return ("rank", len(down)) if exact else ("place", self.place)

    def add(self, taken: torch.Tensor, out: torch.Tensor) -> None:
        at = slice(self.place, self.place + 1)
        _add([self.part], taken[at], out[at])


class _Several:
    """Several rows and a LoRA of each, copied side by side where they differ."""

    def __init__(self, ones: Sequence[_One]) -> None:
        downs, ups, weights = zip(*(one.part for one in ones), strict=True)
        self._places = following([one.place for one in ones])
        self._down, self._up = _side_by_side(downs), _side_by_side(ups)
        self._weight = (
            torch.tensor(weights, device=downs[0].device)[:, None, None]
            if set(weights) != {1}
            else None
        )

    def add(self, taken: torch.Tensor, out: torch.Tensor) -> None:
        inner = torch.bmm(taken[self._places].to(self._down.dtype), self._down)
        product = torch.bmm(inner, self._up)
        out[self._places] += product if self._weight is None else product.mul_(self._weight)


def following(places: list[int]) -> list[int] | slice:
    """Return the places as an index, without a copy where they follow each other."""
    follow = places[-1] - places[0] == len(places) - 1
    return slice(places[0], places[-1] + 1) if follow else places


def _bundles(rows: Sequence[Sequence[Part]]) -> list[_One | _Several]:
    companies: dict[tuple[int, str, int], list[_One]] = {}
    for place, parts in enumerate(rows):
        for order, part in enumerate(parts):
            one = _One(place, part)
            companies.setdefault((order, *one.company), []).append(one)
    in_order = sorted(companies.items(), key=lambda company: company[0][0])
    return [_Several(ones) if ones[1:] else ones[0] for _, ones in in_order]


def _side_by_side(matrices: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return them transposed, one for each row."""
    first = matrices[0]
    alike = all(matrix is first for matrix in matrices)
    return (first.expand(len(matrices), -1, -1) if alike else torch.stack(list(matrices))).mT
