"""How far pictures are from a style, by statistics that say nothing of what is on them.

Colours are compared as clouds of pixels, from several sides; edges by how steep brightness is, at
two sizes; texture by how much it varies around a pixel. Each distance is Wasserstein's first, the
least way that values must go to become the style's, in standard deviations of the style's own.
"""

import math
from collections.abc import Iterator, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

QUANTILES = 200
SIDES = 12  # directions that the cloud of colours is looked at from
AROUND = 5  # pixels across, that texture is measured in
GREY = (0.299, 0.587, 0.114)
LEAST = 1e-3  # of a spread: a style of one colour has none


def distances(pictures: Tensor, style: Tensor) -> dict[str, float]:
    """Return the distance of (N, 3, H, W) pictures in 0..1 from a style's, in all and by kind."""
    ours, theirs = _kinds(pictures), _kinds(style)
    parts = {kind: _mean(_ways(ours[kind], theirs[kind])) for kind in theirs}
    rounded = {kind: round(value, 4) for kind, value in parts.items()}
    return {"all": round(_mean(iter(parts.values())), 4), **rounded}


def _ways(ours: tuple[Tensor, ...], theirs: tuple[Tensor, ...]) -> Iterator[float]:
    for mine, wanted in zip(ours, theirs, strict=True):
        spread = max(float(wanted.std()), LEAST)
        yield float((_quantiles(mine) - _quantiles(wanted)).abs().mean()) / spread


def _mean(values: Iterator[float]) -> float:
    found = list(values)
    return sum(found) / len(found)


def _quantiles(values: Tensor) -> Tensor:
    ordered = values.sort().values
    places = torch.linspace(0, len(ordered) - 1, QUANTILES).round().long()
    return ordered[places]


def _kinds(pictures: Tensor) -> Mapping[str, tuple[Tensor, ...]]:
    greys = (pictures * torch.tensor(GREY).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
    mean = F.avg_pool2d(greys, AROUND, 1)
    varies = (F.avg_pool2d(greys.square(), AROUND, 1) - mean.square()).clamp(min=0).sqrt()
    return {
        "colours": tuple(_directions() @ pictures.permute(1, 0, 2, 3).flatten(1)),
        "edges": (_steepness(greys), _steepness(F.avg_pool2d(greys, 2))),
        "texture": (varies.flatten(),),
    }


def _steepness(greys: Tensor) -> Tensor:
    across, down = greys.diff(dim=3)[:, :, 1:], greys.diff(dim=2)[:, :, :, 1:]
    return (across.square() + down.square()).sqrt().flatten()


def _directions() -> Tensor:
    """Return directions that are spread evenly over half a sphere: (SIDES, 3)."""
    turns = torch.arange(SIDES) * math.pi * (3 - math.sqrt(5))
    height = (torch.arange(SIDES) + 0.5) / SIDES
    across = (1 - height.square()).sqrt()
    return torch.stack([across * turns.cos(), across * turns.sin(), height], dim=1)
