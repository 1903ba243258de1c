"""Ends processes without warning, drops connections and lets Discord's clock jump, at random."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.chaos.town import Town

TOKEN_SECONDS = 901
AWAY = (0.2, 4.0)
"""Seconds that a broker or a database is away."""
MERCY = 0.7
"""How often a process that is still starting is spared."""


@dataclass
class Killer:
    """Strikes again and again, `gap` seconds apart at the least and at the most."""

    town: Town
    dice: random.Random
    gap: tuple[float, float]
    strikes: list[tuple[float, str]] = field(default_factory=list)
    """When, in seconds since 1970, and what."""

    def __post_init__(self) -> None:
        self._over = asyncio.Event()

    def stop(self) -> None:
        """Let the last strike end: what is down comes up again."""
        self._over.set()

    async def run(self) -> None:
        """Strike until told to stop."""
        weights = {"bot": 4, "worker": 3, "worker-2": 3, "broker": 2, "gateway": 1, "clock": 0.5}
        if self.town.server:
            weights["database"] = 2
        while not await self._told_to_stop(self.dice.uniform(*self.gap)):
            (name,) = self.dice.choices(list(weights), list(weights.values()))
            await self._strike(name)

    async def _told_to_stop(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)
        return self._over.is_set()

    async def _strike(self, name: str) -> None:
        strikes: dict[str, Callable[[], Awaitable[bool]]] = {
            "broker": self._broker,
            "database": self._database,
            "gateway": self._gateway,
            "clock": self._clock,
        }
        struck_at = time.time()
        if await strikes[name]() if name in strikes else self._process(name):
            self.strikes.append((struck_at, name))

    @property
    def struck(self) -> Counter[str]:
        """Return how often each was struck."""
        return self.struck_between(0, time.time())

    def struck_between(self, since: float, until: float) -> Counter[str]:
        """Return how often each was struck in that time, in seconds since 1970."""
        return Counter(name for at, name in self.strikes if since <= at <= until)

    def _process(self, name: str) -> bool:
        child = self.town.stack.supervisor.child(name)
        if child.pid is None or (not child.ready.is_set() and self.dice.random() < MERCY):
            return False
        child.kill()
        return True

    async def _broker(self) -> bool:
        self.town.broker.kill()
        await asyncio.sleep(self.dice.uniform(*AWAY))
        await asyncio.to_thread(self.town.broker.start)
        return True

    async def _database(self) -> bool:
        assert self.town.server
        await asyncio.to_thread(self.town.server.kill)
        await asyncio.sleep(self.dice.uniform(*AWAY))
        await asyncio.to_thread(self.town.server.start)
        return True

    async def _gateway(self) -> bool:
        self.town.discord.gateway.drop()
        return True

    async def _clock(self) -> bool:
        self.town.world.skip(TOKEN_SECONDS)
        return True

    def crashes(self) -> list[str]:
        """Return what ended by itself."""
        ends = [line for line in self.town.told if " ended with " in line]
        return [line for line in ends if "ended with -9;" not in line]
