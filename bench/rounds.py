"""What drawing side by side brings, against the stock pipeline one picture after the other.

`python -m bench.rounds` prints ratios, each from one run in which both ways alternate:
* alone: a picture, over a bare call of the pipeline; how far apart their pixels are at most, of
  255; and whether they are the same where the pipeline has the engine's VAE and products;
* four: four pictures of one order over one picture;
* members: twelve orders at twice the load that the pipeline could carry, of mixed steps and LoRAs:
  makespan and mean latency over first come, first served with adapters switched by PEFT, and the
  makespan of a machine that draws each order at once, as fast as this one draws it alone: the last
  order comes when 11 / 24 of the other way's time are over;
* loras: four pictures, three of them with LoRAs, over the same one by one with switching;
* exact: four pictures in exact mode over fast mode;
* large: six pictures of a size that fills the processor alone, over the pipeline with those;
* memory (only where asked for): what the process holds after `--pictures` over after 100.
Seconds are the process's own (one thread), so that a busy machine counts little.
"""

import argparse
import hashlib
import json
import logging
import platform
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import psutil  # type: ignore[import-untyped]
import structlog
import torch
from diffusers import QwenImagePipeline
from PIL import ImageChops
from safetensors.torch import load, save

from engine.catalog import PROJECT, Catalog
from engine.engine import Engine
from engine.families import one_frame, rows
from engine.images import pixel_sha256
from engine.memory import Wishes
from engine.request import ImageRequest, LoraUse

VARIANT = Catalog.load(["starter"]).default
PLAIN = ImageRequest(
    variant=VARIANT.name,
    prompt="a panda on a red background",
    negative="",
    width=128,
    height=128,
    steps=8,
    guidance=1.0,
    seed=7,
)
RANK = 8
LARGE = 448
PROMPTS = ("a panda on a red background", "two rockets", "一只熊猫", "a cat and a blue bird, ink")


@dataclass(frozen=True, slots=True)
class Order:
    """One member's picture, and when it is asked for."""

    request: ImageRequest
    at: float = 0.0


class Stock:
    """The pipeline as its documentation calls it, with LoRAs that PEFT switches."""

    def __init__(self, files: dict[str, bytes], *, ours: bool = False) -> None:
        """Load it; `ours` computes products and decodes as the engine does, to compare all else."""
        self.pipe = QwenImagePipeline.from_pretrained(
            PROJECT / VARIANT.weights.source, dtype=torch.float32, local_files_only=True
        )
        self.pipe.set_progress_bar_config(disable=True)
        if ours:
            one_frame.flatten(self.pipe.vae)
            rows.together(self.pipe.transformer)
        for name, content in files.items():
            self.pipe.transformer.load_lora_adapter(load(content), adapter_name=f"l_{name}")

    def draw(self, request: ImageRequest) -> Any:
        """Draw one picture."""
        transformer = self.pipe.transformer
        if request.loras:
            names = [f"l_{use.sha256}" for use in request.loras]
            transformer.set_adapters(names, [use.weight for use in request.loras])
            transformer.enable_lora()
        elif hasattr(transformer, "peft_config"):
            transformer.disable_lora()
        return self.pipe(
            prompt=request.prompt,
            negative_prompt=" " if request.guidance > 1 else None,
            true_cfg_scale=request.guidance,
            width=request.width,
            height=request.height,
            num_inference_steps=request.steps,
            generator=torch.Generator("cpu").manual_seed(request.seed),
        ).images[0]


class Bench:
    """Both ways, and what they take."""

    def __init__(self, rounds: int, pictures: int) -> None:
        self._rounds, self.pictures = rounds, pictures
        engine = Engine(device="cpu")
        family: Any = engine._residents.open(VARIANT)
        contents = [_lora(family.pipe.transformer, seed) for seed in (1, 2, 3)]
        self.files = {hashlib.sha256(one).hexdigest(): one for one in contents}
        self.names = list(self.files)
        self.engine, self.plain, self.switched = engine, Stock({}), Stock(self.files)
        self.alike = Stock({}, ours=True)
        self.fast = Engine(device="cpu", wishes=Wishes(fast=True))

    def medians(self, *ways: Callable[[], object]) -> list[float]:
        """Return the median seconds of each way, in turn; the first round warms up."""
        seconds: list[list[float]] = [[] for _ in ways]
        for number in range(self._rounds + 1):
            for way, kept in zip(ways, seconds, strict=True):
                started = time.process_time()
                way()
                if number:
                    kept.append(time.process_time() - started)
        return [statistics.median(kept) for kept in seconds]

    def together(self, requests: Sequence[ImageRequest], engine: Engine | None = None) -> None:
        """Draw them side by side."""
        engine = engine or self.engine
        drawings = [engine.admit(VARIANT, request, files=self.files) for request in requests]
        while not all(drawing.ended for drawing in drawings):
            for drawing in engine.step():
                _ = drawing.finished().png  # what a worker keeps

    def alone(self) -> dict[str, Any]:
        """Compare one picture with a bare call."""
        plain, ours = self.medians(
            lambda: self.plain.draw(PLAIN), lambda: self.engine.draw(VARIANT, PLAIN)
        )
        drawn = self.engine.draw(VARIANT, PLAIN)
        apart = ImageChops.difference(self.plain.draw(PLAIN), drawn.image).getextrema()
        return {
            "time": ours / plain,
            "pixels_apart": max(most for _, most in apart),
            "same_pixels": pixel_sha256(self.alike.draw(PLAIN)) == drawn.pixel_sha256,
        }

    def four(self) -> dict[str, float]:
        """Compare four pictures of an order with one."""
        found = {}
        for name, request in (("plain", PLAIN), ("guided", replace(PLAIN, guidance=3.0))):
            four = [replace(request, seed=seed) for seed in range(4)]
            one, together = self.medians(
                lambda request=request: self.together([request]),  # type: ignore[misc]
                lambda four=four: self.together(four),  # type: ignore[misc]
            )
            found[name] = together / one
        return found

    def loras(self) -> dict[str, float]:
        """Compare a mixed batch with switching."""
        a, b = ((LoraUse(name, 0.1),) for name in self.names[:2])
        mixed = [replace(PLAIN, seed=seed, loras=use) for seed, use in enumerate(((), a, b, a))]
        one_by_one, together = self.medians(
            lambda: [self.switched.draw(request) for request in mixed],
            lambda: self.together(mixed),
        )
        return {"time": together / one_by_one}

    def exact(self) -> dict[str, float]:
        """Compare the two modes."""
        four = [replace(PLAIN, seed=seed) for seed in range(4)]
        fast, exact = self.medians(
            lambda: self.together(four, self.fast), lambda: self.together(four)
        )
        return {"time": exact / fast}

    def members(self) -> dict[str, float]:
        """Compare twelve members' orders with first come, first served."""
        orders = [_ordered(number, self.names) for number in range(12)]
        return self._queue(orders, self.switched) | {"least_makespan": self._least(orders)}

    def large(self) -> dict[str, float]:
        """Compare where rows share nothing."""
        big = replace(PLAIN, width=LARGE, height=LARGE, steps=8)
        return self._queue([Order(replace(big, seed=seed)) for seed in range(6)], self.alike)

    def memory(self) -> dict[str, float]:
        """Compare what the process holds after many small pictures with what it held after 100."""
        held = {}
        for number in range(1, self.pictures + 1):
            loras = (LoraUse(self.names[number % 3], 0.1),) if number % 2 else ()
            small = replace(PLAIN, width=64, height=64, steps=1, seed=number, loras=loras)
            prompt = f"{PROMPTS[number % 4]} {number}"
            self.together([replace(small, prompt=prompt), replace(small, seed=number + 1)])
            if number in (100, self.pictures):
                held[number] = psutil.Process().memory_info().rss
        return {"memory": held[self.pictures] / held[100]}

    def _queue(self, orders: Sequence[Order], stock: Stock) -> dict[str, float]:
        spans: list[tuple[float, float]] = []
        latencies: list[tuple[float, float]] = []
        for number in range(max(2, self._rounds // 2) + 1):
            services = [_timed(lambda one=one: stock.draw(one.request)) for one in orders]  # type: ignore[misc]
            gap = statistics.mean(services) / 2
            coming = [replace(one, at=index * gap) for index, one in enumerate(orders)]
            fifo = _served(coming, services)
            ours = self._stepped(coming)
            if number:
                spans.append((max(ours), max(fifo)))
                waits = [
                    [end - one.at for end, one in zip(ends, coming, strict=True)]
                    for ends in (ours, fifo)
                ]
                latencies.append((statistics.mean(waits[0]), statistics.mean(waits[1])))
        return {
            "makespan": statistics.median(a / b for a, b in spans),
            "latency": statistics.median(a / b for a, b in latencies),
        }

    def _least(self, orders: Sequence[Order]) -> float:
        services = [_timed(lambda one=one: self.switched.draw(one.request)) for one in orders]  # type: ignore[misc]
        last = orders[-1].request
        ours = statistics.median(_timed(lambda: self.together([last])) for _ in range(self._rounds))
        return ((len(orders) - 1) * statistics.mean(services) / 2 + ours) / sum(services)

    def _stepped(self, orders: Sequence[Order]) -> list[float]:
        """Draw orders as they come; return when each was finished."""
        skipped = -time.process_time()
        waiting, under_way, ends = list(enumerate(orders)), {}, [0.0] * len(orders)
        while waiting or under_way:
            now = time.process_time() + skipped
            if not under_way and waiting[0][1].at > now:
                skipped += waiting[0][1].at - now
                now = waiting[0][1].at
            while waiting and waiting[0][1].at <= now and (not under_way or self.engine.room > 0):
                index, order = waiting.pop(0)
                drawing = self.engine.admit(VARIANT, order.request, files=self.files)
                under_way[drawing] = index
            for drawing in self.engine.step():
                _ = drawing.finished().png  # what a worker keeps
                ends[under_way.pop(drawing)] = time.process_time() + skipped
        return ends


def _served(orders: Sequence[Order], services: Sequence[float]) -> list[float]:
    free, ends = 0.0, []
    for order, seconds in zip(orders, services, strict=True):
        free = max(free, order.at) + seconds
        ends.append(free)
    return ends


def _timed(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _ordered(number: int, names: Sequence[str]) -> Order:
    wears = [(), (names[0],), (names[1],), (names[0], names[2])][number % 4]
    return Order(
        replace(
            PLAIN,
            prompt=PROMPTS[number % len(PROMPTS)],
            steps=(4, 8, 12)[number % 3],
            seed=number,
            loras=tuple(LoraUse(name, 0.1) for name in wears),
        )
    )


def _lora(transformer: torch.nn.Module, seed: int) -> bytes:
    random = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, module in transformer.named_modules():
        if isinstance(module, torch.nn.Linear) and ".attn." in name:
            for half, size in (
                ("A", (RANK, module.in_features)),
                ("B", (module.out_features, RANK)),
            ):
                tensors[f"transformer.{name}.lora_{half}.weight"] = torch.randn(
                    size, generator=random
                )
    return save(tensors)


def main() -> None:
    """Measure on the starter."""
    names = ("alone", "four", "members", "loras", "exact", "large")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=(*names, "memory"), action="append")
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    warnings.filterwarnings("ignore", message="Already found a `peft_config`")
    bench = Bench(options.rounds, options.pictures)
    found = {name: getattr(bench, name)() for name in options.only or names}
    shares = {" ".join(map(str, kind)): one.costs for kind, one in bench.engine.shares.items()}
    machine = f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}, one thread"
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
