"""The measurement of shipped weights on pairs that no training stage has seen.

It owns the figures and the way pictures are asked for; it must not train the starter.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from diffusers import QwenImagePipeline
from PIL import Image
from torch import Tensor

from starter import judge
from starter.catalog import SPOKEN, Language
from starter.judge import Judge
from starter.prompts import Wish
from starter.recipe import Making
from starter.vae import picture_pool, to_signed
from starter.weights import load_starter


@dataclass(frozen=True, slots=True)
class Sampling:
    """How pictures are asked for."""

    steps: int
    guidance: float
    batch: int


@dataclass(frozen=True, slots=True)
class Order:
    """One picture to ask for."""

    prompt: str
    seed: int


@dataclass(frozen=True, slots=True)
class Score:
    """What the judge found in one language."""

    language: Language
    pictures: int
    things: float
    backgrounds: float
    sharpness: float

    def __str__(self) -> str:
        return (
            f"{self.language}: thing {self.things:.3f}, background {self.backgrounds:.3f}, "
            f"sharpness {self.sharpness:.2f} of a drawn scene (n={self.pictures})"
        )


def sample(
    pipeline: QwenImagePipeline, orders: list[Order], sampling: Sampling, side: int
) -> list[Image.Image]:
    """Draw the orders in batches through the stock pipeline, each from its own seed."""
    pictures: list[Image.Image] = []
    for start in range(0, len(orders), sampling.batch):
        part = orders[start : start + sampling.batch]
        guided = sampling.guidance > 1
        pictures += pipeline(
            prompt=[order.prompt for order in part],
            negative_prompt=[""] * len(part) if guided else None,
            true_cfg_scale=sampling.guidance if guided else 1.0,
            num_inference_steps=sampling.steps,
            height=side,
            width=side,
            generator=[torch.Generator().manual_seed(order.seed) for order in part],
        ).images
    return pictures


def evaluate(making: Making, sampling: Sampling, phrasings: int) -> Iterator[str]:
    """Yield the judge's own accuracy, then the scores of held-out wishes by language."""
    catalog, speaker = making.catalog, making.speaker
    arbiter = judge.load(making.judge, catalog)
    real = judge.judged_scenes(catalog, 10 * len(catalog.things), making.font, 5)
    yield f"judge on unseen drawn scenes: {_top1(arbiter, to_signed(real)):.3f} (n={len(real)})"
    drawn = picture_pool(catalog, 200, making.recipe.side, making.font, 6)
    reference = _steepness(to_signed(drawn))
    pipeline = load_starter(making.target)
    for language in SPOKEN:
        pairs = catalog.held_out() * phrasings
        orders = [
            Order(speaker.plain(Wish(*pair), language, index), 1000 + index)
            for index, pair in enumerate(pairs)
        ]
        pictures = _pixels(sample(pipeline, orders, sampling, making.recipe.side))
        yield str(_score(language, arbiter, making, pictures, pairs, reference))


def _score(
    language: Language,
    arbiter: Judge,
    making: Making,
    pictures: Tensor,
    pairs: tuple[tuple[int, int], ...],
    reference: float,
) -> Score:
    wanted = torch.tensor(pairs)
    with torch.no_grad():
        things = arbiter(pictures).argmax(1)
    backgrounds = judge.background_of(pictures, making.catalog)
    return Score(
        language=language,
        pictures=len(pairs),
        things=float((things == wanted[:, 0]).float().mean()),
        backgrounds=float((backgrounds == wanted[:, 1]).float().mean()),
        sharpness=_steepness(pictures) / reference,
    )


def _pixels(pictures: list[Image.Image]) -> Tensor:
    stacked = np.stack([np.asarray(picture.convert("RGB")) for picture in pictures])
    return to_signed(torch.from_numpy(stacked).permute(0, 3, 1, 2))


def _steepness(pictures: Tensor) -> float:
    # the mean square of neighbouring differences falls at once when edges soften
    across = pictures.diff(dim=-1).square().mean()
    return float(across + pictures.diff(dim=-2).square().mean())


def _top1(arbiter: Judge, pictures: Tensor) -> float:
    things = torch.arange(len(pictures)) % arbiter.name.out_features
    with torch.no_grad():
        return float((arbiter(pictures).argmax(1) == things).float().mean())
