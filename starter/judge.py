"""A judge of pictures that learns nothing: it names the drawn scene that is nearest.

It owns the bank of drawn scenes and the comparison; it must not know prompts or models. The
background is the catalog colour nearest to the median of the rim; every scene of the bank is put
on that colour, and the one with the smallest mean square difference at 24 x 24 pixels tells what
is on the picture. Things that stand beside each other are cut out and judged one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from starter.catalog import Catalog
from starter.scenes import BESIDE, POSES, SMALL, Place, Scene, compose, draw
from starter.wishes import MOST, Relation, Wish

SIDE = 24
RIM = 2  # pixels of the judge's picture that count as background
CUT = 0.5  # the side of the cut around one of two things, as a share of the picture
BLACK, WHITE = (0, 0, 0), (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Finding:
    """What the judge sees in (B) pictures: indices into the catalog, and how many there are."""

    things: Tensor
    counts: Tensor
    backgrounds: Tensor


@dataclass(frozen=True, slots=True)
class Judge:
    """Drawn scenes without background: (N, 4, 24, 24), colours times alpha, and alpha, in 0..1.

    `whole` holds, thing after thing, every pose of one, then two, three and four; `single` holds
    each thing as it stands beside another.
    """

    whole: Tensor
    single: Tensor
    colours: Tensor

    def look(self, pictures: Tensor) -> Finding:
        """Tell what is on (B, 3, H, W) pictures in 0..1."""
        small = F.interpolate(pictures, (SIDE, SIDE), mode="area")
        backgrounds = self._backgrounds(small)
        nearest = self._nearest(self.whole, small, backgrounds)
        each = len(POSES) + MOST - 1
        counts = (nearest % each - len(POSES) + 2).clamp(min=1)
        return Finding(nearest // each, counts, backgrounds)

    def look_at(self, pictures: Tensor, places: Sequence[Place]) -> Tensor:
        """Tell which thing is at a place of each picture, (B) indices into the catalog."""
        backgrounds = self._backgrounds(F.interpolate(pictures, (SIDE, SIDE), mode="area"))
        cuts = torch.stack(
            [_cut(picture, at) for picture, at in zip(pictures, places, strict=True)]
        )
        return self._nearest(self.single, cuts, backgrounds)

    def _backgrounds(self, small: Tensor) -> Tensor:
        inner = torch.zeros(SIDE, SIDE, dtype=torch.bool)
        inner[RIM:-RIM, RIM:-RIM] = True
        rim = small[:, :, ~inner].median(dim=2).values
        return torch.cdist(rim, self.colours).argmin(dim=1)

    def _nearest(self, bank: Tensor, small: Tensor, backgrounds: Tensor) -> Tensor:
        found = torch.empty(len(small), dtype=torch.long)
        for background in range(len(self.colours)):
            rows = (backgrounds == background).nonzero()[:, 0]
            if not len(rows):
                continue
            behind = self.colours[background].view(1, 3, 1, 1)
            scenes = bank[:, :3] + (1 - bank[:, 3:]) * behind
            found[rows] = torch.cdist(small[rows].flatten(1), scenes.flatten(1)).argmin(dim=1)
        return found


def _cut(picture: Tensor, place: Place) -> Tensor:
    """Cut the square around a place out of a (3, H, W) picture, at the judge's size."""
    side = picture.shape[-1]
    width = round(side * CUT)
    left, top = (min(max(0, round(side * (at - CUT / 2))), side - width) for at in place)
    return F.interpolate(
        picture[None, :, top : top + width, left : left + width], (SIDE, SIDE), mode="area"
    )[0]


def build_bank(catalog: Catalog, side: int, font: Path) -> dict[str, np.ndarray]:
    """Draw the judge's scenes at the starter's size: uint8 (N, 4, 24, 24) by name."""
    whole, single = [], []
    for thing in range(len(catalog.things)):
        lone = Wish(thing, 0)
        scenes = [compose(lone, catalog, pose) for pose in POSES]
        scenes += [compose(replace(lone, count=n), catalog) for n in range(2, MOST + 1)]
        whole += [
            F.interpolate(_layer(s, side, font)[None], (SIDE, SIDE), mode="area")[0] for s in scenes
        ]
        place = BESIDE[Relation.LEFT][0]
        beside = compose(lone, catalog, replace(POSES[0], scale=SMALL))
        item = replace(beside.items[0], x=place[0], y=place[1])
        single.append(_cut(_layer(replace(beside, items=(item,)), side, font), place))
    return {
        name: (torch.stack(layers) * 255).round().byte().numpy()
        for name, layers in (("whole", whole), ("single", single))
    }


def _layer(scene: Scene, side: int, font: Path) -> Tensor:
    """Return the scene's stickers and shadows alone, colours times alpha and alpha, (4, H, W)."""
    on_black, on_white = (
        torch.from_numpy(draw(replace(scene, rgb=rgb), side, font).copy()).permute(2, 0, 1) / 255
        for rgb in (BLACK, WHITE)
    )
    alpha = 1 - (on_white - on_black).mean(dim=0, keepdim=True)
    return torch.cat((on_black, alpha.clamp(0, 1)))


def save(bank: dict[str, np.ndarray], path: Path) -> None:
    """Write the bank."""
    np.savez_compressed(path, whole=bank["whole"], single=bank["single"])


def load(path: Path, catalog: Catalog) -> Judge:
    """Read the judge of this catalog."""
    with np.load(path) as bank:
        whole, single = (torch.from_numpy(bank[name]).float() / 255 for name in ("whole", "single"))
    colours = torch.tensor([background.rgb for background in catalog.backgrounds]) / 255
    return Judge(whole, single, colours)
