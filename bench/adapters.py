"""What LoRAs cost a worker: a switch, a first use, and a long tail of them.

`python -m bench adapters` measures, on the starter and with the worker's own loop over a real
database and file store:
* switch: what pictures with resident LoRAs in turn take more than pictures with one, in CPU time;
  and putting one onto as many layers as Qwen-Image has, and off again,
* first use: what a 100 MB LoRA adds to its order when another is drawn before it, as a share of
  what it adds when it is not brought ahead: all in all, and of its own picture's waiting,
  (`own` is what the thread that draws computes, `ready` leaves out its waiting for a core that
  another program has, so that it holds true on a busy machine too; Linux alone tells that),
* tail: pictures a minute with 200 LoRAs of Zipf's popularity, over those with one for all; with
  the starter's usual picture and a LoRA of rank 16.
"""

import argparse
import json
import logging
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

import structlog
import torch
from diffusers import QwenImageTransformer2DModel
from safetensors.torch import save

from engine.engine import Engine
from engine.loras.adapters import Adapter, Adapters, Worn
from engine.loras.canon import DOWN, PREFIX, UP
from engine.loras.names import bases
from engine.loras.wardrobe import Wardrobe
from engine.request import GenerationRequest, LoraUse
from engine.variants.catalog import Catalog
from store.database import Database
from store.files import Files
from store.host import migrate
from store.loras.library import FOLDER
from store.money.plans import Plan
from store.orders import placing
from tests import broker
from tests.store.placing import NOON, order
from worker.drawing import Parts, draw_waiting
from worker.events import Doorbell
from worker.hand import Hand
from worker.lookout import Lookout
from worker.loras import Loras
from worker.stay import Stay

PLAN = Plan(daily_credits=1_000_000)
LARGE = 512
"""The rank at which a LoRA over all layers of the starter takes 100 MB."""
SMALL = 16
LORAS = 200
HOT = 40
"""LoRAs that the worker has room for."""
BATCH = 12
SCHEDULED = Path("/proc/thread-self/schedstat")
Spent = tuple[float, float, float]
"""Seconds by the clock, those in which this thread computed, and all but its waits for a core."""


Figures = dict[str, float]
"""Medians in milliseconds, and shares."""


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parts_of_it = {"switch": _switch, "hooks": _hooks, "first": _first_use, "tail": _tail}
    parser.add_argument("--only", choices=tuple(parts_of_it), action="append")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    figures: Figures = {}
    with _parts() as parts:
        for name in options.only or parts_of_it:
            measured = parts_of_it[name](parts, options.rounds)
            figures |= measured
            for figure, value in measured.items() if not options.json else ():
                print(f"{figure:16} {value:.3f}", flush=True)
    if options.json:
        print(json.dumps(figures, indent=2))


def _switch(parts: Parts, rounds: int) -> Figures:
    """Return a picture's milliseconds, and what is added where the LoRA changes each time."""
    variant = parts.catalog.default
    uses = [LoraUse(parts.files.put(FOLDER, _lora(SMALL, seed))) for seed in range(3)]
    for use in uses:
        parts.loras.bring(parts.engine.adapters, use.sha256)

    def drawn(use: LoraUse) -> float:
        started = time.process_time()
        parts.engine.draw(variant, _asked(use).image(0))
        return time.process_time() - started

    same, other = [], []
    for number in range(2 * rounds + 2):
        pair = [drawn(uses[0]), drawn(uses[0]), drawn(uses[1 + number % 2])]
        if number > 1:
            same.append(pair[1])
            other.append(pair[2])
    picture = statistics.median(same)
    added = statistics.median(b - a for a, b in zip(same, other, strict=True))
    return {
        "picture_ms": 1000 * picture,
        "switch_ms": 1000 * added,
        "switch_share": added / picture,
    }


def _hooks(_parts: Parts, _rounds: int) -> Figures:
    """Return milliseconds for putting a LoRA onto all layers of Qwen-Image, and off."""
    with torch.device("meta"):
        model = QwenImageTransformer2DModel()
        pairs = {
            name: (torch.empty(SMALL, module.in_features), torch.empty(module.out_features, SMALL))
            for name, module in model.named_modules()
            if isinstance(module, torch.nn.Linear)
        }
    wardrobe, worn = Wardrobe(model), Worn(Adapter(pairs), 1.0)

    def on_and_off() -> float:
        started = time.process_time()
        wardrobe.put_on([(worn,)])
        wardrobe.put_off()
        return time.process_time() - started

    return {"large_hooks_ms": 1000 * statistics.median(on_and_off() for _ in range(9))}


def _first_use(parts: Parts, rounds: int) -> Figures:
    """Return the load's milliseconds, and what is left of them behind another order."""
    large = LoraUse(parts.files.put(FOLDER, _lora(LARGE, 9)))
    parts.loras.bring(parts.engine.adapters, large.sha256)
    # The lookout is no part of a load: what it looks for is there already, or never brought.
    ways = {
        "there": nullcontext,
        "cold": nullcontext,
        "looking": partial(_looking, parts),
        "ahead": partial(_looking, parts),
    }
    spent: dict[str, list[Spent]] = {way: [] for way in ways}
    waited: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(rounds + 1):
        for way, watched in ways.items():
            if way in ("cold", "ahead"):
                parts.engine.adapters = Adapters("cpu")
            # The picture before takes longer than the load, as those of a large model do.
            _place(parts, _asked(steps=12, guidance=3.0), _asked(large))
            with watched():
                stay = _Waited()
                seconds = _spent(partial(draw_waiting, replace(parts, stay=stay)))
            if number:
                spent[way].append(seconds)
                waited[way].append(stay.waited_s)
    figures = {"waited_share": sum(waited["ahead"]) / sum(waited["cold"])}
    for of, clock in enumerate(("", "_own", "_ready")):
        load, added = (
            statistics.median(
                b[of] - a[of] for a, b in zip(spent[before], spent[after], strict=True)
            )
            for before, after in (("there", "cold"), ("looking", "ahead"))
        )
        figures[f"load{clock}_ms"] = 1000 * load
        figures[f"added{clock}_ms"] = 1000 * added
        figures[f"added{clock}_share"] = added / load
    return figures


class _Waited(Stay):
    """Adds up how long pictures waited for their own LoRAs."""

    waited_s = 0.0

    @contextmanager
    def bringing(self, lacking: int) -> Iterator[None]:
        started = time.perf_counter()
        with super().bringing(lacking):
            yield
        self.waited_s += time.perf_counter() - started


def _tail(parts: Parts, rounds: int) -> Figures:
    """Return the throughput's shares of that with one LoRA for all."""
    dice = random.Random(5)
    shares = [1 / (number + 1) for number in range(LORAS)]
    one = parts.files.put(FOLDER, _lora(SMALL, 0))
    room = HOT * len(_lora(SMALL, 0))
    adapters = {way: Adapters("cpu", in_main=room, on_device=room / 4) for way in ("one", "many")}
    ratios = []
    for number in range(rounds // 2 + 1):
        seconds = {}
        for way, kept in adapters.items():
            parts.engine.adapters = kept
            seeds = dice.choices(range(LORAS), shares, k=BATCH)
            names = [
                one if way == "one" else parts.files.put(FOLDER, _lora(SMALL, seed))
                for seed in seeds
            ]
            _place(parts, *(_asked(LoraUse(name), steps=8, guidance=3.0) for name in names))
            with _looking(parts):
                seconds[way] = _spent(lambda: draw_waiting(parts))
        if number:
            ratios.append([a / b for a, b in zip(seconds["one"], seconds["many"], strict=True)])
    whole, own, _ = (statistics.median(each) for each in zip(*ratios, strict=True))
    return {"tail_of_one": whole, "tail_of_one_own": own}


def _lora(rank: int, seed: int) -> bytes:
    """Return a canonical file over all layers of the starter."""
    noise = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, (out, into) in bases()["starter"].linears.items():
        tensors[PREFIX + name + DOWN] = torch.randn(rank, into, generator=noise) * 0.01
        tensors[PREFIX + name + UP] = torch.randn(out, rank, generator=noise) * 0.01
    return save(dict(sorted(tensors.items())))


def _asked(*uses: LoraUse, steps: int = 4, guidance: float = 1.0) -> GenerationRequest:
    return GenerationRequest(
        variant="starter",
        prompt="a panda on a red background",
        negative="",
        width=128,
        height=128,
        steps=steps,
        guidance=guidance,
        seeds=(7,),
        loras=uses,
    )


def _place(parts: Parts, *requests: GenerationRequest) -> None:
    """Queue orders of as many members."""
    for number, request in enumerate(requests):
        with parts.database.begin() as session:
            wish = order(1, number + 1, request=request)
            placing.create(session, wish, PLAN, NOON)


def _spent(work: Callable[[], object]) -> Spent:
    started, own, queued = time.perf_counter(), time.thread_time(), _queued()
    work()
    seconds = time.perf_counter() - started
    return seconds, time.thread_time() - own, seconds - (_queued() - queued)


def _queued() -> float:
    """Return for how many seconds this thread has waited for a core."""
    return int(SCHEDULED.read_text().split()[1]) / 1e9 if SCHEDULED.exists() else 0.0


@contextmanager
def _looking(parts: Parts) -> Iterator[None]:
    lookout = Lookout(parts)
    lookout.start()
    yield
    lookout.stop()


@contextmanager
def _parts() -> Iterator[Parts]:
    with tempfile.TemporaryDirectory(prefix="reroll-bench-") as name:
        folder = Path(name)
        url = f"sqlite:///{folder / 'reroll.db'}"
        migrate.upgrade(url)
        database, files = Database(url), Files(f"file://{folder}/files")
        with broker.running(folder) as queue:
            doorbell = Doorbell(queue.url)
            engine = Engine(device="cpu")
            catalog = Catalog.load(["starter"])
            engine.load(catalog.default)
            loras = Loras(files)
            yield Parts("w", catalog, database, files, engine, doorbell, Hand(), loras)
            doorbell.close()
            database.close()


if __name__ == "__main__":
    main()
