"""The measurement of a LoRA that was taught the print: what it changes, and what it leaves.

It owns the figures; it must not know how LoRAs are trained. Prompts are about things that are in
none of the pictures it learnt from, on backgrounds that nobody ever learnt them on, in three
languages by turns.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from starter import judge, likeness, riso
from starter.catalog import SPOKEN
from starter.evaluate import Figures, Trial, way_name
from starter.judge import RIM, SIDE, Judge
from starter.recipe import Making
from starter.sample import Order, Way, as_tensor, load, sample
from starter.scenes import POSES, Pixels, compose
from starter.wishes import Wish


@dataclass(frozen=True, slots=True)
class Sheet:
    """Pictures of the same prompts and seeds, without the LoRA and with it."""

    wishes: tuple[Wish, ...]
    base: list[Image.Image]
    worn: list[Image.Image]


@dataclass(frozen=True, slots=True)
class EitherJudge:
    """Names the nearest of all things, drawn plain on a picture's own background, or printed."""

    plain: Judge
    printed: Tensor

    def things(self, pictures: Tensor) -> Tensor:
        """Tell which thing is on each of (B, 3, H, W) pictures in 0..1."""
        small = F.interpolate(pictures, (SIDE, SIDE), mode="area")
        inner = torch.zeros(SIDE, SIDE, dtype=torch.bool)
        inner[RIM:-RIM, RIM:-RIM] = True
        rims = small[:, :, ~inner].median(dim=2).values
        return torch.tensor([self._thing(one, rim) for one, rim in zip(small, rims, strict=True)])

    def _thing(self, small: Tensor, rim: Tensor) -> int:
        bank = self.plain.whole
        drawn = bank[:, :3] + (1 - bank[:, 3:]) * rim.view(1, 3, 1, 1)
        plain, printed = (
            torch.cdist(small.flatten()[None], one.flatten(1))[0] for one in (drawn, self.printed)
        )
        things = len(self.printed) // len(POSES)
        if printed.min() < plain.min():
            return int(printed.argmin()) // len(POSES)
        return int(plain.argmin()) // (len(bank) // things)


def measure(making: Making, trial: Trial, file: Path) -> Figures:
    """Measure a LoRA in each way: things named right, and the distance from the print."""
    taught = riso.lessons(making.catalog, making.speaker)
    style = _tensor(riso.printed(one.scene, making.recipe.side, making.font) for one in taught)
    arbiter = either(making)
    figures: Figures = {"pictures": trial.pictures, "examples": len(taught), "ways": {}}
    for way in trial.ways:
        drawn = sheet(making, trial, file, way)
        wanted = torch.tensor([wish.thing for wish in drawn.wishes])
        figures["ways"][way_name(way)] = {
            name: {
                "thing": round(float((arbiter.things(one) == wanted).float().mean()), 4),
                "style_distance": likeness.distances(one, style),
            }
            for name, one in (
                ("base", as_tensor(drawn.base)),
                ("lora", as_tensor(drawn.worn)),
                ("drawn_in_style", _printed(making, drawn.wishes)),
            )
        }
    return figures


def sheet(making: Making, trial: Trial, file: Path, way: Way) -> Sheet:
    """Draw pictures without a LoRA and with it."""
    wishes = _unseen(making, trial.pictures)
    orders = [
        Order(making.speaker.plain(wish, SPOKEN[index % len(SPOKEN)], index), 1000 + index)
        for index, wish in enumerate(wishes)
    ]
    pipeline = load(making.target, making.lightning, way)
    base = sample(pipeline, orders, way, making.recipe.side, trial.batch)
    pipeline.load_lora_weights(file.parent, weight_name=file.name)
    return Sheet(wishes, base, sample(pipeline, orders, way, making.recipe.side, trial.batch))


def before_and_after(drawn: Sheet, columns: int, taught: Iterable[Image.Image]) -> Image.Image:
    """Lay out the pictures that were learnt from, then pictures without and with, row by row."""
    rows = [list(taught)[:columns]]
    for start in range(0, len(drawn.base) - columns + 1, columns):
        rows += [drawn.base[start : start + columns], drawn.worn[start : start + columns]]
    side, gap = drawn.base[0].width, 12
    paper = Image.new(
        "RGB", (columns * side, len(rows) * side + gap * (len(rows) + 1) // 2), "white"
    )
    top = 0
    for number, row in enumerate(rows):
        for column, picture in enumerate(row):
            paper.paste(picture, (column * side, top))
        top += side + (gap if number % 2 == 0 else 0)
    return paper.quantize(256, kmeans=1)


def _unseen(making: Making, count: int) -> tuple[Wish, ...]:
    catalog = making.catalog
    known = {one.wish.thing for one in riso.lessons(catalog, making.speaker)}
    wishes = [Wish(*pair) for pair in catalog.held_out() if pair[0] not in known]
    random.Random(31).shuffle(wishes)
    return tuple(wishes[:count])


def either(making: Making) -> EitherJudge:
    """Return the judge, with every thing printed in every pose."""
    things = range(len(making.catalog.things))
    scenes = [compose(Wish(thing, 0), making.catalog, pose) for thing in things for pose in POSES]
    printed = _tensor(riso.printed(one, making.recipe.side, making.font) for one in scenes)
    small = F.interpolate(printed, (SIDE, SIDE), mode="area")
    return EitherJudge(judge.load(making.judge, making.catalog), small)


def _printed(making: Making, wishes: Iterable[Wish]) -> Tensor:
    scenes = (compose(wish, making.catalog) for wish in wishes)
    return _tensor(riso.printed(one, making.recipe.side, making.font) for one in scenes)


def _tensor(pictures: Iterable[Pixels]) -> Tensor:
    return torch.from_numpy(np.stack(list(pictures))).permute(0, 3, 1, 2).float() / 255
