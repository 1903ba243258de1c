"""What drawing side by side brings, against the stock pipeline one picture after the other.

`python -m bench rounds` prints ratios, each from one run in which both ways alternate, on the
starter and a CPU, or with `--variant` and `--device` on real weights and a GPU (which holds the
bare pipeline's weights beside the engine's; name with `--only` what is to be measured):
* alone: a picture, over a bare call of the pipeline; how far apart their pixels are at most, of
  255; and whether they are the same where the pipeline has the engine's VAE and products;
* four: four pictures of one order over one picture, and over one picture of the pipeline's;
* members: twelve orders at twice the load that the pipeline could carry, of mixed steps and LoRAs,
  who come in another order each time, each of them last once: makespan and mean latency over first
  come, first served with adapters switched by PEFT. Then with the longest order last, beside the
  makespan of a machine that draws each at once, as fast as this one draws it alone: the last order
  comes when 11 / 24 of the other way's time are over;
* loras: four pictures, three of them with LoRAs, over the same one by one with switching;
* exact: four pictures in exact mode over fast mode;
* large: six pictures of a size that fills the processor alone, over the pipeline with those;
* memory (only where asked for): what the process holds after `--pictures` over after 100.
On a CPU seconds are the process's own (one thread), so that a busy machine counts little.
"""

import argparse
import hashlib
import itertools
import json
import logging
import platform
import random
import statistics
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import psutil  # type: ignore[import-untyped]
import structlog
import torch
from PIL import ImageChops
from safetensors.torch import save

from bench.load import PROMPTS, Load, Order, Place, ordered
from bench.stock import Stock
from engine.engine import Engine
from engine.families.stock import EMBEDDED, TRUE_CFG
from engine.memory.levers import Wishes
from engine.pictures.images import pixel_sha256
from engine.request import ImageRequest, LoraUse
from engine.variants.catalog import Catalog

RANK = 8
SMALL, LARGE = 64, 448
"""Sides of the starter's pictures: where many are drawn, and where one fills a core."""


class Bench:
    """Both ways, and what they take."""

    def __init__(self, place: Place, rounds: int, pictures: int) -> None:
        self._place, self._rounds, self.pictures = place, rounds, pictures
        self.engine = Engine(device=place.device)
        self._dice = random.Random(5)
        self._family: Any = self.engine.lend(place.variant)
        contents = [_lora(self._family.pipe.transformer, seed) for seed in (1, 2, 3)]
        self.files = {hashlib.sha256(one).hexdigest(): one for one in contents}
        self.names = list(self.files)

    @cached_property
    def plain(self) -> Stock:
        """Return the pipeline without LoRAs."""
        return Stock(self._place.variant, self._family, self._place.device, {})

    @cached_property
    def switched(self) -> Stock:
        """Return the pipeline with LoRAs."""
        return Stock(self._place.variant, self._family, self._place.device, self.files)

    @cached_property
    def alike(self) -> Stock:
        """Return the pipeline with the engine's arithmetic."""
        return Stock(self._place.variant, self._family, self._place.device, {}, ours=True)

    @cached_property
    def fast(self) -> Engine:
        """Return the engine in fast mode."""
        return Engine(device=self._place.device, wishes=Wishes(fast=True))

    def medians(self, *ways: Callable[[], object]) -> list[float]:
        """Return the median seconds of each way, in turn; the first round warms up."""
        seconds: list[list[float]] = [[] for _ in ways]
        for number in range(self._rounds + 1):
            for way, kept in zip(ways, seconds, strict=True):
                started = self._place.now()
                way()
                if number:
                    kept.append(self._place.now() - started)
        return [statistics.median(kept) for kept in seconds]

    def together(self, requests: Sequence[ImageRequest], engine: Engine | None = None) -> None:
        """Draw them side by side."""
        engine = engine or self.engine
        drawings = [
            engine.admit(self._place.variant, request, files=self.files) for request in requests
        ]
        while not all(drawing.ended for drawing in drawings):
            for drawing in engine.step():
                _ = drawing.finished().png  # what a worker keeps

    def alone(self) -> dict[str, Any]:
        """Compare one picture with a bare call."""
        request, variant = self._place.plain, self._place.variant
        plain, ours = self.medians(
            lambda: self.plain.draw(request), lambda: self.engine.draw(variant, request).png
        )
        drawn = self.engine.draw(variant, request)
        apart = ImageChops.difference(self.plain.draw(request), drawn.image).getextrema()
        return {
            "time": ours / plain,
            "pixels_apart": max(most for _, most in apart),
            "same_pixels": pixel_sha256(self.alike.draw(request)) == drawn.pixel_sha256,
        }

    def four(self) -> dict[str, float]:
        """Compare four pictures of an order with one."""
        found, kinds = {}, {"plain": self._place.plain}
        if self._place.variant.guidance.kind == TRUE_CFG:
            kinds["guided"] = replace(self._place.plain, guidance=3.0)
        for name, request in kinds.items():
            four = [replace(request, seed=seed) for seed in range(4)]
            one, together, plain = self.medians(
                lambda request=request: self.together([request]),  # type: ignore[misc]
                lambda four=four: self.together(four),  # type: ignore[misc]
                lambda request=request: self.plain.draw(request),  # type: ignore[misc]
            )
            found |= {name: together / one, f"{name}_over_pipeline": together / plain}
        return found

    def loras(self) -> dict[str, float]:
        """Compare a mixed batch with switching."""
        a, b = ((LoraUse(name, 0.1),) for name in self.names[:2])
        mixed = [
            replace(self._place.plain, seed=seed, loras=use)
            for seed, use in enumerate(((), a, b, a))
        ]
        one_by_one, together = self.medians(
            lambda: [self.switched.draw(request) for request in mixed],
            lambda: self.together(mixed),
        )
        return {"time": together / one_by_one}

    def exact(self) -> dict[str, float]:
        """Compare the two modes."""
        four = [replace(self._place.plain, seed=seed) for seed in range(4)]
        fast, exact = self.medians(
            lambda: self.together(four, self.fast), lambda: self.together(four)
        )
        return {"time": exact / fast}

    def members(self) -> dict[str, float]:
        """Compare twelve members' orders with first come, first served."""
        orders = [ordered(self._place.plain, number, self.names) for number in range(12)]
        turns = itertools.cycle(range(12))

        def mixed() -> list[Order]:
            nth = next(turns)
            others = orders[:nth] + orders[nth + 1 :]
            return [*self._dice.sample(others, len(others)), orders[nth]]

        load = self._load(self.switched, len(orders))
        worst = load.over_pipeline(lambda: orders)["makespan"]
        least = load.least(orders)
        return load.over_pipeline(mixed) | {"longest_last": worst, "least_longest_last": least}

    def large(self) -> dict[str, float]:
        """Compare where rows share nothing."""
        width, height = self._place.large
        big = replace(self._place.plain, width=width, height=height)
        orders = [Order(replace(big, seed=seed)) for seed in range(6)]
        return self._load(self.alike, 2 * self._rounds).over_pipeline(lambda: orders)

    def _load(self, stock: Stock, rounds: int) -> Load:
        return Load(self._place, self.engine, stock, self.files, rounds)

    def memory(self) -> dict[str, float]:
        """Compare what the process holds after many small pictures with what it held after 100."""
        held = {}
        plain = replace(self._place.plain, width=SMALL, height=SMALL, steps=1)
        for number in range(1, self.pictures + 1):
            loras = (LoraUse(self.names[number % 3], 0.1),) if number % 2 else ()
            small = replace(plain, seed=number, loras=loras)
            prompt = f"{PROMPTS[number % 4]} {number:05}"  # of a few lengths, as members' are
            self.together([replace(small, prompt=prompt), replace(small, seed=number + 1)])
            if number in (100, self.pictures):
                held[number] = psutil.Process().memory_info().rss
        return {"memory": held[self.pictures] / held[100]}


def _lora(transformer: torch.nn.Module, seed: int) -> bytes:
    noise = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, module in transformer.named_modules():
        if isinstance(module, torch.nn.Linear) and ".attn." in name:
            for half, size in (
                ("A", (RANK, module.in_features)),
                ("B", (module.out_features, RANK)),
            ):
                tensors[f"transformer.{name}.lora_{half}.weight"] = torch.randn(
                    size, generator=noise
                )
    return save(tensors)


def _placed(name: str, device: str) -> Place:
    """Return the usual picture of a variant; the starter's without guidance, and a large one."""
    variant = Catalog.load([name]).default
    width, height = variant.sizes.default
    guided = variant.guidance.kind == EMBEDDED
    plain = ImageRequest(
        variant=name,
        prompt=PROMPTS[0],
        negative="",
        width=width,
        height=height,
        steps=variant.steps.default,
        guidance=variant.guidance.default if guided else 1.0,
        seed=7,
    )
    large = (LARGE, LARGE) if width < LARGE else (width, height)
    return Place(variant, device, plain, large)


def _machine(device: str) -> str:
    if device == "cpu":
        return f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}, one thread"
    return torch.cuda.get_device_name(device)


def main() -> None:
    """Measure on the starter, or on what is asked for."""
    names = ("alone", "four", "members", "loras", "exact", "large")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=(*names, "memory"), action="append")
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--variant", default="starter")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    warnings.filterwarnings("ignore", message="Already found a `peft_config`")
    place = _placed(options.variant, options.device)
    bench = Bench(place, options.rounds, options.pictures)
    found = {name: getattr(bench, name)() for name in options.only or names}
    shares = {" ".join(map(str, kind)): one.costs for kind, one in bench.engine.shares.items()}
    machine = _machine(options.device)
    if options.json:
        print(json.dumps({"machine": machine, "rows": shares, **found}))
        return
    print(machine)
    for kind, costs in shares.items():
        print(f"rows of {kind}: {costs}")
    for name, ratios in found.items():
        print(f"{name}: " + ", ".join(f"{key} {value:.2f}" for key, value in ratios.items()))


if __name__ == "__main__":
    main()
