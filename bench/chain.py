"""What the chain costs around a picture, on the whole product with its real processes.

`python -m bench.chain` orders 4-step pictures one after the other and prints the medians of
* start: from the interaction to the worker's claim,
* finish: from the last denoising step to the edited message (decode and PNG included),
each in milliseconds and as a share of the picture's own time; then it sends 100 commands at once
and prints how long the slowest acknowledgement took. `--only four` orders one picture and four of
them in turn, of the usual 8 steps, and prints what the four take until all of them stand in the
message, over what the one takes: with one worker, and with two on two cores.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from engine.drawing.picture import Step
from engine.engine import Engine
from engine.request import GenerationRequest
from engine.variants.catalog import Catalog
from tests import studio

ORDER = "/imagine prompt:a panda on a red background steps:4 guidance:1 seed:"
MANY = "/imagine prompt:a panda on a red background steps:8 guidance:1"
MOST = 16
"""Rounds of five pictures that a member's credits of a day pay for, and two to warm up."""
COMMANDS = 100


@dataclass(frozen=True, slots=True)
class Sample:
    """One order, in milliseconds: waiting for the worker, drawing, PNG to edited message."""

    start: float
    picture: float
    delivery: float


def main() -> None:
    """Run the product in a temporary folder and measure it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--only", choices=("chain", "four"), action="append")
    options = parser.parse_args()
    parts = options.only or ["chain", "four"]
    if "chain" in parts:
        with tempfile.TemporaryDirectory(prefix="reroll-bench-") as folder:
            asyncio.run(_measure(Path(folder), options.rounds))
    for workers in (1, 2) if "four" in parts else ():
        with tempfile.TemporaryDirectory(prefix="reroll-bench-") as folder:
            asyncio.run(_four(Path(folder), options.rounds, workers))


async def _measure(folder: Path, rounds: int) -> None:
    async with studio.opened(folder) as product:
        samples = [await _order(product, number) for number in range(rounds + 2)][2:]
        tail = _decode_ms(GenerationRequest.from_json(product.orders()[-1].request))
        acknowledged = await _burst(product)
    picture = statistics.median(sample.picture for sample in samples)
    start = statistics.median(sample.start for sample in samples)
    finish = statistics.median(sample.delivery for sample in samples) + tail
    print(f"picture {picture:.0f} ms (4 steps, no CFG; median of {rounds})")
    print(f"start   {start:.0f} ms, {start / picture:.2f} of a picture")
    print(f"finish  {finish:.0f} ms, {finish / picture:.2f} of a picture; decode {tail:.0f} ms")
    print(f"{COMMANDS} commands at once: slowest acknowledgement {acknowledged:.2f} s")


def _forget(product: studio.Studio) -> None:
    """Empty the channel: whoever watches it reads all messages of the simulation each time."""
    product.world.backend.messages[product.seat("Alex").channel.id].clear()


async def _order(product: studio.Studio, seed: int) -> Sample:
    _forget(product)
    asked_at = time.time() * 1000
    turn = await product.say(f"{ORDER}{seed}")
    shown_at = asked_at + next(state.ms for state in turn.states if state.pictures)
    image = product.orders()[-1].images[0]
    assert image.started_at is not None
    assert image.seconds is not None
    picture = image.seconds * 1000
    return Sample(
        start=image.started_at - asked_at,
        picture=picture,
        delivery=shown_at - image.started_at - picture,
    )


async def _four(folder: Path, rounds: int, workers: int) -> None:
    given = {"REROLL_DEVICES": ",".join(["cpu"] * workers)}
    seconds: dict[int, list[float]] = {1: [], 4: []}
    async with studio.opened(folder, given) as product:
        for number in range(min(rounds, MOST) + 2):
            for count, kept in seconds.items():
                _forget(product)
                turn = await product.say(f"{MANY} count:{count} seed:{number * 10}")
                kept.append(next(one.ms for one in turn.states if len(one.pictures) == count))
    one, four = (statistics.median(kept[2:]) for kept in seconds.values())
    print(
        f"workers {workers}: one picture {one:.0f} ms, four {four:.0f} ms, {four / one:.2f} of it"
    )


def _decode_ms(request: GenerationRequest) -> float:
    """Measure what follows the last step inside the engine: decode, hash and PNG."""
    engine, variant = Engine(device="cpu"), Catalog.load([request.variant]).default
    tails = []
    for _ in range(7):
        last_step = 0.0

        def on_step(_step: Step) -> None:
            nonlocal last_step
            last_step = time.perf_counter()

        engine.draw(variant, request.image(0), on_step)
        tails.append((time.perf_counter() - last_step) * 1000)
    return statistics.median(tails[2:])


async def _burst(product: studio.Studio) -> float:
    names = list(product.world.users)

    async def command(number: int) -> float:
        started = time.monotonic()
        seat = product.seat(names[number % len(names)])
        shown = await seat.slash("imagine", prompt="a panda", steps=1, guidance=1.0)
        assert shown.acknowledged
        return time.monotonic() - started

    return max(await asyncio.gather(*(command(number) for number in range(COMMANDS))))


if __name__ == "__main__":
    main()
