"""`python -m tests.schedules --seconds 60`: starter pictures in random schedules, and each alone.

What `tests/engine/drawing/test_rounds.py` shows on tiny weights, on those that people draw with:
LoRAs of many ranks over some layers or others, weights, sizes, steps, guidance and texts, of
pictures that come and go between steps. It prints how many differ from themselves drawn alone.
"""

import argparse
import hashlib
import logging
import random
import sys
import time
from dataclasses import dataclass, field

import structlog
import torch
from safetensors.torch import save

from engine.engine import Engine
from engine.memory.levers import Wishes
from engine.request import ImageRequest, LoraUse
from engine.variants.catalog import Catalog

RANKS = (1, 2, 4, 8, 8, 16, 16, 16, 32, 64, 128)
ROWS = 8
SIZES = ((128, 128), (128, 128), (64, 64), (96, 160))
PROMPTS = ("a panda", "a panda on a red background", "一只熊猫", "two rockets, ink", "a cat " * 9)
PLACES = ((".attn.",), (".attn.", "mlp.net."), ("mlp.net.0.",), ("",))
"""Parts of the names of the layers that a LoRA covers."""


@dataclass
class Studio:
    """An engine whose forwards are shared, one whose are not, and the dice."""

    dice: random.Random
    sharing: Engine = field(default_factory=lambda: _engine(ROWS))
    alone: Engine = field(default_factory=lambda: _engine(1))

    def __post_init__(self) -> None:
        self.variant = Catalog.load(["starter"]).default
        transformer = self.sharing.lend(self.variant).transformer  # type: ignore[attr-defined]
        files = [_lora(transformer, rank, PLACES[at % 4]) for at, rank in enumerate(RANKS)]
        self.files = {hashlib.sha256(content).hexdigest(): content for content in files}

    def round(self) -> dict[ImageRequest, bool]:
        """Draw some pictures side by side; tell of each whether it is as it is alone."""
        dice, coming = self.dice, self._asked()
        under_way = []
        while coming or not all(drawing.ended for _, drawing in under_way):
            idle = all(drawing.ended for _, drawing in under_way)
            while coming and (idle or dice.random() < 0.4):
                request, idle = coming.pop(), False
                drawing = self.sharing.admit(self.variant, request, files=self.files)
                under_way.append((request, drawing))
            self.sharing.step()
        return {
            request: drawing.finished().pixel_sha256
            == self.alone.draw(self.variant, request, files=self.files).pixel_sha256
            for request, drawing in under_way
        }

    def _asked(self) -> list[ImageRequest]:
        width, height = self.dice.choice(SIZES)
        return [self._one(width, height) for _ in range(self.dice.randint(3, 9))]

    def _one(self, width: int, height: int) -> ImageRequest:
        dice = self.dice
        names = dice.sample(list(self.files), dice.choice((0, 1, 1, 2)))
        return ImageRequest(
            variant=self.variant.name,
            prompt=dice.choice(PROMPTS),
            negative="",
            width=width,
            height=height,
            steps=dice.choice((2, 4, 5, 8)),
            guidance=dice.choice((1.0, 1.0, 3.0)),
            seed=dice.randrange(100),
            loras=tuple(LoraUse(name, dice.choice((1.0, 0.5, 0.8, -0.3))) for name in names),
        )


def _engine(rows: int) -> Engine:
    return Engine(device="cpu", wishes=Wishes(rows=rows))


def _lora(transformer: torch.nn.Module, rank: int, places: tuple[str, ...]) -> bytes:
    noise = torch.Generator().manual_seed(rank)
    tensors = {}
    for name, layer in transformer.named_modules():
        if isinstance(layer, torch.nn.Linear) and any(place in name for place in places):
            for half, size in (
                ("A", (rank, layer.in_features)),
                ("B", (layer.out_features, rank)),
            ):
                key = f"transformer.{name}.lora_{half}.weight"
                tensors[key] = torch.randn(size, generator=noise) * rank**-0.5 * 0.1
    return save(tensors)


def main() -> None:
    """Exit 1 where any picture differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    studio, drawn, differ = Studio(random.Random(options.seed)), 0, 0
    until = time.monotonic() + options.seconds
    while time.monotonic() < until:
        for request, is_alike in studio.round().items():
            drawn, differ = drawn + 1, differ + (not is_alike)
            if not is_alike:
                print(request)
    print(f"pictures={drawn} differ={differ}")
    sys.exit(1 if differ else 0)


if __name__ == "__main__":
    main()
