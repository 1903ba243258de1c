"""What a change of variant costs: both loaded side by side, or each driving the other out.

`python -m bench.switch` draws with two variants in turn, in an engine with room for both and in
one with room for one, round by round so that a busy machine slows both alike. It prints the
medians of a picture after a switch, of a picture without one, and what a switch adds.
"""

import argparse
import json
import logging
import statistics
import time

import structlog

from engine.engine import Engine
from engine.memory.levers import GB, Levers, Wishes, needed
from engine.request import ImageRequest
from engine.variants.catalog import Catalog, Variant


def main() -> None:
    """Measure two variants, the starters unless others are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variants", default="starter,starter-lightning")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    catalog = Catalog.load(options.variants.split(","))
    pair = [catalog[name] for name in catalog.names]
    ways = {
        "side by side": Engine(device=options.device),
        "one at a time": Engine(device=options.device, wishes=Wishes(limit_gb=_for_one(pair))),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for round_number in range(options.rounds + 1):
        for name, engine in ways.items():
            timed = [_draw(engine, variant) for variant in pair]
            # The first round loads in both.
            if round_number:
                seconds[name] += timed
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    loaded = {name: engine.loaded for name, engine in ways.items()}
    added = medians["one at a time"] - medians["side by side"]
    if options.json:
        print(json.dumps({"seconds": medians, "switch": added, "loaded": loaded}))
        return
    for name, median in medians.items():
        print(f"{name}: {median * 1000:.0f} ms a picture, loaded at the end {loaded[name]}")
    print(f"a switch that loads adds {added * 1000:.0f} ms, medians of {options.rounds} rounds")


def _for_one(pair: list[Variant]) -> float:
    """Return GB enough for any of them alone and not for two."""
    return max(needed(one.memory, Levers()).peak for one in pair if one.memory) * 1.1 / GB


def _draw(engine: Engine, variant: Variant) -> float:
    width, height = variant.sizes.default
    request = ImageRequest(
        variant=variant.name,
        prompt="a panda on a red background",
        negative="",
        width=width,
        height=height,
        steps=variant.steps.least,
        guidance=variant.guidance.least,
        seed=7,
    )
    started = time.perf_counter()
    engine.draw(variant, request)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
