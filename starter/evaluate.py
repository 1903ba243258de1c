"""The measurement of shipped weights, on combinations that no training stage has seen.

It owns the figures; it must not train the starter. A figure is a share of pictures, 0 to 1.
"""

import random
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from diffusers import QwenImagePipeline
from torch import Tensor

from starter import judge, vae
from starter.catalog import SPOKEN, Catalog, Language
from starter.judge import Judge
from starter.prompts import Speaker
from starter.recipe import Making
from starter.sample import LIGHTNING, USUAL, Order, Way, as_tensor, load, sample
from starter.scenes import BESIDE, POSES, Scene, compose, draw, loose_scene
from starter.vae import OTHER_GLYPHS
from starter.weights import folder_size
from starter.wishes import Wish, counted_wishes, paired_wishes, single_wishes

RUNS = 5  # pictures of each way in the timing, by turns
Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Trial:
    """How much is drawn: pictures for each figure, and how many at once."""

    pictures: int
    batch: int
    ways: tuple[Way, ...]


@dataclass(frozen=True, slots=True)
class _Studio:
    """Draws wishes in one way, and has them judged."""

    pipeline: QwenImagePipeline
    way: Way
    speaker: Speaker
    judge: Judge
    side: int
    batch: int

    def draw(self, wishes: list[Wish], language: Language) -> Tensor:
        orders = [
            Order(self.speaker.plain(wish, language, index), 1000 + index)
            for index, wish in enumerate(wishes)
        ]
        return as_tensor(sample(self.pipeline, orders, self.way, self.side, self.batch))


def evaluate(making: Making, trial: Trial) -> Figures:
    """Measure the weights, the judge and the VAE."""
    arbiter = judge.load(making.judge, making.catalog)
    sets = _sets(making.catalog, trial.pictures)
    figures: Figures = {
        "things": len(making.catalog.things),
        "pictures": {name: len(wishes) for name, wishes in sets.items()},
        "bytes": folder_size(making.target) + folder_size(making.lightning),
        "vae_db_on_other_glyphs": _vae_db(making),
        "judge_on_drawn_scenes": _ceiling(making, arbiter, sets),
        "ways": {},
    }
    for way in trial.ways:
        pipeline = load(making.target, making.lightning, way)
        side = making.recipe.side
        studio = _Studio(pipeline, way, making.speaker, arbiter, side, trial.batch)
        figures["ways"][way_name(way)] = {
            language.value: _scores(studio, sets, language, full=way in (USUAL, LIGHTNING))
            for language in SPOKEN
        }
    figures["seconds"] = _seconds(making, trial.ways)
    return figures


def way_name(way: Way) -> str:
    """Return a way in words."""
    guidance = f"guidance {way.guidance:g}" if way.guidance > 1 else "no guidance"
    return f"{way.steps} steps, {guidance}" + (", lightning" if way.lightning else "")


def _sets(catalog: Catalog, count: int) -> dict[str, list[Wish]]:
    rng = random.Random(31)
    held_out = [Wish(*pair) for pair in catalog.held_out()]
    rng.shuffle(held_out)
    return {
        "held_out": held_out[:count],
        "seen": _some(single_wishes(catalog), count, rng),
        "related": list(paired_wishes(catalog, count, rng, known=False)),
        "counted": _some(counted_wishes(catalog, 1, rng), count, rng),
    }


def _some(wishes: Iterable[Wish], count: int, rng: random.Random) -> list[Wish]:
    choices = list(wishes)
    return rng.sample(choices, min(count, len(choices)))


def _scores(
    studio: _Studio, sets: dict[str, list[Wish]], language: Language, *, full: bool
) -> Figures:
    pictures = studio.draw(sets["held_out"], language)
    scores = {"held_out": _alone(studio.judge, pictures, sets["held_out"])}
    scores["held_out"]["sharpness"] = _steepness(pictures)
    if full:
        pictures = studio.draw(sets["seen"], language)
        scores["seen"] = _alone(studio.judge, pictures, sets["seen"])
        scores["related"] = _related(studio.judge, studio.draw(sets["related"], language), sets)
        scores["counted"] = _counted(studio.judge, studio.draw(sets["counted"], language), sets)
    return scores


def _alone(arbiter: Judge, pictures: Tensor, wishes: list[Wish]) -> Figures:
    found = arbiter.look(pictures)
    wanted = torch.tensor([wish.thing for wish in wishes])
    return {
        "thing": _share(found.things == wanted),
        "background": _share(found.backgrounds == torch.tensor([w.background for w in wishes])),
        # the same pictures held against another prompt of the same set
        "control": _share(found.things == wanted.roll(1)),
    }


def _related(arbiter: Judge, pictures: Tensor, sets: dict[str, list[Wish]]) -> Figures:
    wishes = sets["related"]
    places = [BESIDE[wish.relation] for wish in wishes]
    first = arbiter.look_at(pictures, [place[0] for place in places])
    second = arbiter.look_at(pictures, [place[1] for place in places])
    right = (first == torch.tensor([w.thing for w in wishes])) & (
        second == torch.tensor([w.other for w in wishes])
    )
    swapped = (first == torch.tensor([w.other for w in wishes])) & (
        second == torch.tensor([w.thing for w in wishes])
    )
    found = arbiter.look(pictures)
    return {
        "both_in_place": _share(right),
        "swapped": _share(swapped),
        "background": _share(found.backgrounds == torch.tensor([w.background for w in wishes])),
    }


def _counted(arbiter: Judge, pictures: Tensor, sets: dict[str, list[Wish]]) -> Figures:
    wishes = sets["counted"]
    found = arbiter.look(pictures)
    counted = found.counts == torch.tensor([w.count for w in wishes])
    named = found.things == torch.tensor([w.thing for w in wishes])
    return {"count": _share(counted), "count_and_thing": _share(counted & named)}


def _share(right: Tensor) -> float:
    return round(float(right.float().mean()), 4)


def _steepness(pictures: Tensor) -> float:
    # the mean square of neighbouring differences falls at once when edges soften
    across = pictures.diff(dim=-1).square().mean()
    return round(float(across + pictures.diff(dim=-2).square().mean()), 5)


def _drawn(making: Making, scenes: Iterable[Scene]) -> Tensor:
    pictures = [draw(scene, making.recipe.side, making.font) for scene in scenes]
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)


def _ceiling(making: Making, arbiter: Judge, sets: dict[str, list[Wish]]) -> Figures:
    """Judge drawn scenes that stand a little off the judge's own."""
    rng, catalog = random.Random(32), making.catalog
    drawn = {
        name: _drawn(
            making, (_disturbed(compose(w, catalog, rng.choice(POSES)), rng) for w in wishes)
        ).float()
        / 255
        for name, wishes in sets.items()
    }
    alone = _alone(arbiter, drawn["held_out"], sets["held_out"])
    alone["sharpness"] = _steepness(drawn["held_out"])
    return {
        "held_out": alone,
        "related": _related(arbiter, drawn["related"], sets),
        "counted": _counted(arbiter, drawn["counted"], sets),
    }


def _disturbed(scene: Scene, rng: random.Random) -> Scene:
    items = (
        replace(
            item,
            scale=item.scale * rng.uniform(0.95, 1.05),
            x=item.x + rng.uniform(-0.015, 0.015),
            y=item.y + rng.uniform(-0.015, 0.015),
            angle=item.angle + rng.uniform(-4, 4),
        )
        for item in scene.items
    )
    return replace(scene, items=tuple(items))


def _vae_db(making: Making) -> float:
    """Restore glyphs that the catalog does not have."""
    rng = random.Random(33)
    known = {thing.emoji for thing in making.catalog.things}
    others = [glyph for glyph in OTHER_GLYPHS if glyph not in known]
    colours = [background.rgb for background in making.catalog.backgrounds]
    scenes = [loose_scene(rng, rng.choice(others), rng.choice(colours)) for _ in range(96)]
    model = load(making.target, making.lightning, USUAL).vae
    return round(vae.peak_signal(model, _drawn(making, scenes)), 2)


def _seconds(making: Making, ways: tuple[Way, ...]) -> Figures:
    """Time one picture in each way, by turns; medians."""
    pipelines = {way: load(making.target, making.lightning, way) for way in ways}
    taken: dict[Way, list[float]] = {way: [] for way in ways}
    for run in range(RUNS + 1):
        for way, pipeline in pipelines.items():
            start = time.perf_counter()
            sample(
                pipeline, [Order("a panda on a red background", run)], way, making.recipe.side, 1
            )
            if run:  # the first warms up
                taken[way].append(time.perf_counter() - start)
    return {way_name(way): round(statistics.median(times), 4) for way, times in taken.items()}


def summary(figures: Figures) -> str:
    """Return the figures as a table to read."""
    lines = []
    for way, languages in figures["ways"].items():
        for language, scores in languages.items():
            cells = "  ".join(
                f"{kind} " + " ".join(f"{name} {value}" for name, value in row.items())
                for kind, row in scores.items()
            )
            lines.append(f"{way} [{language}]  {cells}")
    return "\n".join(lines)
