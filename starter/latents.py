"""The pictures the text encoder and the denoiser learn from, drawn once and kept as latents.

It owns the pool, its groups and its scale; it must not know words.
"""

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKLQwenImage
from torch import Tensor
from tqdm import tqdm

from starter.catalog import Catalog
from starter.scenes import LITTLE, POSES, UPRIGHT, Pixels, compose, draw
from starter.vae import encode, to_signed
from starter.wishes import (
    Relation,
    Style,
    Wish,
    counted_wishes,
    paired_wishes,
    single_wishes,
    styled_wishes,
)

BATCH = 16
NARROW = 3 / 4  # the shorter side of tall and wide pictures, as a share of the longer


class Kind(StrEnum):
    """A group of the pool: pictures that are made, and drawn from, in the same way."""

    ALONE = "alone"
    COUNTED = "counted"
    PAIRED = "paired"
    STYLED = "styled"
    TALL = "tall"
    WIDE = "wide"


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """How many pictures of each kind there are."""

    counted_each: int
    paired: int
    styled_each: int
    narrow_each: int


@dataclass(frozen=True, slots=True)
class Group:
    """Wishes, and latents of each in every pose the group has, (wishes, poses, C, H, W)."""

    wishes: tuple[Wish, ...]
    latents: Tensor


@dataclass(frozen=True, slots=True)
class LatentPool:
    """Scaled latents by kind, and the scale: mean and deviation of each channel."""

    groups: Mapping[Kind, Group]
    mean: Tensor
    std: Tensor

    def save(self, path: Path) -> None:
        """Write the pool to a file."""
        groups = {
            kind.value: (list(map(_row, group.wishes)), group.latents)
            for kind, group in self.groups.items()
        }
        torch.save({"groups": groups, "mean": self.mean, "std": self.std}, path)


def load_pool(path: Path) -> LatentPool:
    """Read a pool from a file."""
    state = torch.load(path, weights_only=True)
    groups = {
        Kind(kind): Group(tuple(map(_wish, wishes)), latents)
        for kind, (wishes, latents) in state["groups"].items()
    }
    return LatentPool(groups, state["mean"], state["std"])


def _row(wish: Wish) -> dict[str, Any]:
    # plain strings: a file that is loaded with weights_only knows no enums
    return asdict(wish) | {"relation": wish.relation.value, "style": wish.style.value}


def _wish(row: dict[str, Any]) -> Wish:
    return Wish(**row | {"relation": Relation(row["relation"]), "style": Style(row["style"])})


def build_pool(
    vae: AutoencoderKLQwenImage, catalog: Catalog, plan: PoolPlan, side: int, font: Path
) -> LatentPool:
    """Draw and encode the pool; the mean and deviation of each channel become the VAE's scale."""
    painter = _Painter(catalog, side, font)
    rng = random.Random(11)
    alone = tuple(single_wishes(catalog))
    narrow = tuple(
        Wish(thing, background)
        for thing in range(len(catalog.things))
        for background in rng.sample(catalog.seen_backgrounds(thing), plan.narrow_each)
    )
    rows: dict[Kind, tuple[tuple[Wish, ...], tuple[int, ...]]] = {
        Kind.ALONE: (alone, tuple(range(len(POSES)))),
        Kind.COUNTED: (tuple(counted_wishes(catalog, plan.counted_each, rng)), (UPRIGHT,)),
        Kind.PAIRED: (tuple(paired_wishes(catalog, plan.paired, rng)), (UPRIGHT,)),
        Kind.STYLED: (tuple(styled_wishes(catalog, plan.styled_each, rng)), (UPRIGHT,)),
        Kind.TALL: (narrow, (LITTLE,)),
        Kind.WIDE: (narrow, (LITTLE,)),
    }
    raw = {}
    for kind, (wishes, poses) in rows.items():
        latents = _encode(vae, painter.pictures(kind, wishes, poses), len(wishes) * len(poses))
        raw[kind] = Group(wishes, latents.view(len(wishes), len(poses), *latents.shape[1:]))
    pixels = torch.cat(
        [
            group.latents.flatten(0, 1).flatten(2)
            for group in raw.values()
            if group.latents.shape[-1] == group.latents.shape[-2]
        ]
    )
    mean, std = pixels.mean(dim=(0, 2)), pixels.std(dim=(0, 2))
    groups = {
        kind: Group(
            group.wishes,
            ((group.latents - mean.view(-1, 1, 1)) / std.view(-1, 1, 1)).half(),
        )
        for kind, group in raw.items()
    }
    return LatentPool(groups, mean, std)


@dataclass(frozen=True, slots=True)
class _Painter:
    catalog: Catalog
    side: int
    font: Path

    def pictures(
        self, kind: Kind, wishes: Iterable[Wish], poses: tuple[int, ...]
    ) -> Iterator[Pixels]:
        for wish in wishes:
            for pose in poses:
                scene = compose(wish, self.catalog, POSES[pose])
                yield self._cut(kind, draw(scene, self.side, self.font))

    def _cut(self, kind: Kind, picture: Pixels) -> Pixels:
        margin = round(self.side * (1 - NARROW) / 2)
        if kind is Kind.TALL:
            return picture[:, margin:-margin]
        return picture[margin:-margin] if kind is Kind.WIDE else picture


@torch.no_grad()
def _encode(vae: AutoencoderKLQwenImage, pictures: Iterator[Pixels], count: int) -> Tensor:
    rows = []
    with tqdm(total=count, desc="latents", unit="picture", disable=None) as bar:
        for part in _chunks(pictures):
            pixels = to_signed(torch.from_numpy(np.stack(part)).permute(0, 3, 1, 2))
            rows.append(encode(vae, pixels)[0])
            bar.update(len(part))
    return torch.cat(rows)


def _chunks(pictures: Iterator[Pixels]) -> Iterator[list[Pixels]]:
    while part := list(islice(pictures, BATCH)):
        yield part
