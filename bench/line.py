"""Discrete events: members order, workers claim, draw, load and finish, on a simulated clock.

A LoRA that is not in a worker's memory is brought first, or while the picture before is drawn,
where the policy tells what comes next. Knows no policy: who is next is asked of a `Policy`, which
may be the product's store or a rival.
"""

import heapq
import itertools
import random
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from store.line.fairness import Residency

SWITCH_S = 12.0
BRING_S = 1.0
"""100 MB from a file store on the network."""
ROOM = 40
"""LoRAs of that size in a worker's memory."""
LOOK_S = 1.0
"""How often a worker that draws looks for what comes next."""
Seconds = Callable[[str, random.Random], float]
"""What one picture of a variant takes, this time."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One order: at `at` seconds a member asks for `count` pictures of a variant, with a LoRA.

    A `lone` one comes from a member without any other, a `flood` from one before the others came.
    """

    at: float
    member: int
    variant: str
    count: int = 1
    lone: bool = False
    flood: bool = False
    lora: str = ""


@dataclass(slots=True)
class Drawn:
    """One picture's fate, in simulated seconds."""

    order: Asked
    started: float
    finished: float
    loading: float = 0.0


@dataclass(slots=True, eq=False)
class Device:
    """A worker with room for one variant."""

    name: str
    variants: tuple[str, ...]
    loaded: str = ""
    since: float = 0.0
    drawn: list[Drawn] = field(default_factory=list)
    switches: int = 0
    loras: OrderedDict[str, None] = field(default_factory=OrderedDict)
    brought_at: float = 0.0
    waited: int = 0

    def residency(self, now: float) -> Residency:
        """Return what a worker tells at a claim."""
        return Residency(
            frozenset({self.loaded} - {""}),
            now - self.since,
            SWITCH_S,
            frozenset(self.loras),
            now - self.brought_at,
            BRING_S,
        )

    def take(self, asked: Asked, now: float) -> float:
        """Load and bring what a picture needs; return when it can begin."""
        begin = now
        if self.loaded != asked.variant:
            self.switches += 1
            begin += SWITCH_S
            self.loaded, self.since = asked.variant, begin
        if asked.lora and asked.lora not in self.loras:
            self.waited += 1
            begin = self.brought_at = begin + BRING_S
        self.keep(asked.lora)
        return begin

    def keep(self, lora: str) -> None:
        """Hold a LoRA, the least recently used leaving for it."""
        if lora:
            self.loras[lora] = None
            self.loras.move_to_end(lora)
        if len(self.loras) > ROOM:
            self.loras.popitem(last=False)


class Policy(Protocol):
    """Who is next. Times are simulated seconds; a ticket is the policy's own word for an image."""

    def order(self, asked: Asked, now: float) -> float | None:
        """Queue an order; return the seconds it is expected to take, if that is known."""

    def claim(self, device: Device, now: float) -> tuple[object, Asked] | None:
        """Return the next image for a device."""

    def finish(self, device: Device, ticket: object, picture: "Drawn") -> None:
        """Record a finished image."""

    def coming(self, device: Device, now: float) -> tuple[str, ...]:
        """Return the LoRAs of the next pictures, if that is known."""


@dataclass(slots=True)
class Run:
    """What came of it: pictures, switches, and for each order its expected and its real seconds."""

    devices: list[Device]
    expected: dict[int, tuple[Asked, float]]
    ended: dict[int, float]

    @property
    def drawn(self) -> list[Drawn]:
        """Return all pictures."""
        return [picture for device in self.devices for picture in device.drawn]

    @property
    def switches(self) -> int:
        """Return how often weights were loaded."""
        return sum(device.switches for device in self.devices)

    @property
    def waited(self) -> int:
        """Return how often a picture waited for its LoRA."""
        return sum(device.waited for device in self.devices)


class _Play:
    """One run: the clock's events, and which devices have nothing to do."""

    def __init__(self, policy: Policy, devices: list[Device], seconds: Seconds) -> None:
        self._policy, self._seconds = policy, seconds
        self._dice, self._ids = random.Random(7), itertools.count()
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._left: dict[int, int] = {}
        self._idle = set(devices)
        self.result = Run(devices, {}, {})

    def at(self, when: float, act: Callable[[float], None]) -> None:
        """Let `act` happen at `when`."""
        heapq.heappush(self._events, (when, next(self._ids), act))

    def play(self) -> None:
        """Let everything happen."""
        while self._events:
            when, _, act = heapq.heappop(self._events)
            act(when)

    def ask(self, asked: Asked, now: float) -> None:
        """Place an order; whoever is idle looks for work."""
        self._left[id(asked)] = asked.count
        expected = self._policy.order(asked, now)
        if expected is not None:
            self.result.expected[id(asked)] = (asked, expected)
        for device in sorted(self._idle, key=lambda device: device.name):
            self._work(device, now)

    def _work(self, device: Device, now: float) -> None:
        found = self._policy.claim(device, now)
        if found is None:
            self._idle.add(device)
            return
        self._idle.discard(device)
        ticket, asked = found
        switches = device.switches
        begin = device.take(asked, now)
        end = begin + self._seconds(asked.variant, self._dice)
        picture = Drawn(asked, begin, end, SWITCH_S * (device.switches - switches))
        self.at(end, lambda _: self._done(device, ticket, picture))
        if asked.lora:
            self.at(begin, lambda at: self._look(device, at, end))

    def _look(self, device: Device, now: float, until: float) -> None:
        """Bring the next LoRA, or look again later, while the picture is drawn."""
        if now >= until:
            return
        coming = self._policy.coming(device, now)
        lacking = next((name for name in coming if name not in device.loras), None)
        if lacking is None:
            self.at(now + LOOK_S, lambda at: self._look(device, at, until))
            return

        def there(at: float) -> None:
            device.keep(lacking)
            self._look(device, at, until)

        self.at(now + BRING_S, there)

    def _done(self, device: Device, ticket: object, picture: Drawn) -> None:
        self._policy.finish(device, ticket, picture)
        device.drawn.append(picture)
        key = id(picture.order)
        self._left[key] -= 1
        if not self._left[key]:
            self.result.ended[key] = picture.finished
        self._work(device, picture.finished)


def run(policy: Policy, orders: Iterable[Asked], devices: list[Device], seconds: Seconds) -> Run:
    """Play all orders to their end."""
    play = _Play(policy, devices, seconds)
    for asked in sorted(orders, key=lambda asked: asked.at):
        play.at(asked.at, partial(play.ask, asked))
    play.play()
    return play.result
