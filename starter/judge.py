"""An honest judge of pictures: what thing is on them, and what colour lies behind it.

It learns from drawn scenes only, never from the starter's pictures, and must not know prompts.
The background needs no learning: the rim of the picture is nearest to one of the colours.
"""

import random
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from starter.catalog import Catalog
from starter.fit import Plan, fit
from starter.scenes import draw, random_scene

SIDE = 48
RIM = 3  # pixels of a 48 px picture that count as background


class Judge(nn.Module):
    """A small convolutional network over 48 px pictures."""

    def __init__(self, things: int) -> None:
        super().__init__()
        widths = (3, 32, 64, 96, 128)
        layers: list[nn.Module] = []
        for inner, outer in pairwise(widths):
            layers += [
                nn.Conv2d(inner, outer, 3, stride=2 if outer > 32 else 1, padding=1),
                nn.GroupNorm(8, outer),
                nn.SiLU(),
            ]
        self.features = nn.Sequential(*layers)
        self.name = nn.Linear(widths[-1], things)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return a score for each thing, of (B, 3, H, W) pictures in -1..1."""
        small = F.interpolate(pictures, (SIDE, SIDE), mode="area")
        scores: Tensor = self.name(self.features(small).amax(dim=(2, 3)))
        return scores


def learn(judge: Judge, catalog: Catalog, plan: Plan, pictures: Tensor, path: Path) -> None:
    """Train the judge on drawn scenes, softened and stained so that it judges shape and colour."""

    def loss_at(step: int) -> Tensor:
        rng = random.Random(step)
        chosen = rng.choices(range(len(pictures)), k=32)
        generator = torch.Generator().manual_seed(step)
        batch = stained(pictures[chosen].float() / 127.5 - 1.0, generator)
        return F.cross_entropy(judge(batch), torch.tensor(chosen) % len(catalog.things))

    fit(judge, plan, loss_at, path)


def save(judge: Judge, path: Path) -> None:
    """Write the judge in half precision."""
    save_file({name: value.half() for name, value in judge.state_dict().items()}, path)


def load(path: Path, catalog: Catalog) -> Judge:
    """Read a judge of this catalog's things."""
    judge = Judge(len(catalog.things))
    judge.load_state_dict(load_file(path))
    return judge.eval()


def stained(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Blur some pictures, and add noise and a colour cast to all, as a weak painter would."""
    soft = F.avg_pool2d(pictures, 3, stride=1, padding=1, count_include_pad=False)
    share = torch.rand((len(pictures), 1, 1, 1), generator=generator)
    cast = 0.1 * torch.randn((len(pictures), 3, 1, 1), generator=generator)
    noise = 0.1 * share * torch.randn(pictures.shape, generator=generator)
    return share * soft + (1 - share) * pictures + cast + noise


def judged_scenes(catalog: Catalog, count: int, font: Path, seed: int) -> Tensor:
    """Draw scenes on any colour at the judge's size, thing by thing in turn."""
    rng = random.Random(seed)
    rows = []
    for index in range(count):
        thing = index % len(catalog.things)
        rgb = (rng.randrange(256), rng.randrange(256), rng.randrange(256))
        if rng.random() < 0.5:
            rgb = rng.choice(catalog.backgrounds).rgb
        scene = random_scene(rng, thing, 0)
        rows.append(draw(scene, catalog.things[thing].emoji, rgb, SIDE, font))
    return torch.from_numpy(np.stack(rows)).permute(0, 3, 1, 2)


def background_of(pictures: Tensor, catalog: Catalog) -> Tensor:
    """Return the catalog colour nearest to the median of each picture's rim."""
    small = F.interpolate(pictures, (SIDE, SIDE), mode="area")
    inner = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    inner[RIM:-RIM, RIM:-RIM] = True
    rim = small[:, :, ~inner].median(dim=2).values
    colours = torch.tensor([background.rgb for background in catalog.backgrounds]) / 127.5 - 1.0
    return torch.cdist(rim, colours).argmin(dim=1)
