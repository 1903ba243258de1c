"""Orders that come while others are drawn, by the engine and by the stock pipeline in turn.

Nobody waits for orders to come: the clock jumps to the next one where nothing is left to do.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from bench.stock import Stock
from engine.engine import Engine
from engine.request import ImageRequest, LoraUse
from engine.variants.catalog import Variant

PROMPTS = ("a panda on a red background", "two rockets", "一只熊猫", "a cat and a blue bird, ink")


@dataclass(frozen=True, slots=True)
class Order:
    """One member's picture, and when it is asked for."""

    request: ImageRequest
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Place:
    """What is drawn, on which device, and by which clock."""

    variant: Variant
    device: str
    plain: ImageRequest
    large: tuple[int, int]

    def now(self) -> float:
        """Return seconds: a CPU's are the process's own, so that a busy machine counts little."""
        if self.device == "cpu":
            return time.process_time()
        torch.cuda.synchronize(self.device)
        return time.perf_counter()

    def timed(self, work: Callable[[], object]) -> float:
        """Return the seconds that some work takes."""
        started = self.now()
        work()
        return self.now() - started


@dataclass(frozen=True, slots=True)
class Load:
    """Twice as many orders as the pipeline could carry."""

    place: Place
    engine: Engine
    stock: Stock
    files: Mapping[str, bytes]
    rounds: int

    def over_pipeline(self, asked: Callable[[], Sequence[Order]]) -> dict[str, float]:
        """Return the engine's makespan and mean latency over first come, first served."""
        spans, latencies = [], []
        for number in range(self.rounds + 1):
            orders = asked()
            services = self._services(orders)
            gap = statistics.mean(services) / 2
            coming = [replace(one, at=index * gap) for index, one in enumerate(orders)]
            ours, fifo = self._stepped(coming), _served(coming, services)
            if number:  # the first warms up
                spans.append(max(ours) / max(fifo))
                latencies.append(_mean_wait(ours, coming) / _mean_wait(fifo, coming))
        return {"makespan": statistics.median(spans), "latency": statistics.median(latencies)}

    def least(self, orders: Sequence[Order]) -> float:
        """Return the makespan of a machine that draws each order at once, as fast as this alone."""
        services, last = self._services(orders), orders[-1:]
        ours = statistics.median(
            self.place.timed(lambda: self._stepped(last)) for _ in range(self.rounds)
        )
        return ((len(orders) - 1) * statistics.mean(services) / 2 + ours) / sum(services)

    def _services(self, orders: Sequence[Order]) -> list[float]:
        return [
            self.place.timed(lambda one=one: self.stock.draw(one.request))  # type: ignore[misc]
            for one in orders
        ]

    def _stepped(self, orders: Sequence[Order]) -> list[float]:
        """Draw orders as they come; return when each was finished."""
        skipped = -self.place.now()
        waiting, under_way, ends = list(enumerate(orders)), {}, [0.0] * len(orders)
        while waiting or under_way:
            now = self.place.now() + skipped
            if not under_way and waiting[0][1].at > now:
                skipped += waiting[0][1].at - now
                now = waiting[0][1].at
            while waiting and waiting[0][1].at <= now and (not under_way or self.engine.room > 0):
                index, order = waiting.pop(0)
                drawing = self.engine.admit(self.place.variant, order.request, files=self.files)
                under_way[drawing] = index
            for drawing in self.engine.step():
                _ = drawing.finished().png  # what a worker keeps
                ends[under_way.pop(drawing)] = self.place.now() + skipped
        return ends


def ordered(plain: ImageRequest, number: int, names: Sequence[str]) -> Order:
    """Return a member's order: half to one and a half of the usual steps, none to two LoRAs."""
    wears = [(), (names[0],), (names[1],), (names[0], names[2])][number % 4]
    return Order(
        replace(
            plain,
            prompt=PROMPTS[number % len(PROMPTS)],
            steps=plain.steps * (number % 3 + 1) // 2,
            seed=number,
            loras=tuple(LoraUse(name, 0.1) for name in wears),
        )
    )


def _served(orders: Sequence[Order], services: Sequence[float]) -> list[float]:
    free, ends = 0.0, []
    for order, seconds in zip(orders, services, strict=True):
        free = max(free, order.at) + seconds
        ends.append(free)
    return ends


def _mean_wait(ends: Sequence[float], orders: Sequence[Order]) -> float:
    return statistics.mean(end - one.at for end, one in zip(ends, orders, strict=True))
