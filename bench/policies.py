"""Who is next: the product's store over a real SQLite database, and three rivals."""

import math
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import event

from bench.line import Asked, Device, Drawn
from engine.request import LoraUse
from store.database import Database
from store.host import migrate, workers
from store.line import claims, coming
from store.money.plans import Plan
from store.orders import placing
from tests.store import ends
from tests.store.placing import NOON, kept, order, request

PLAN = Plan(daily_credits=1_000_000)
EPOCH_S = 1_800_000_000.0
REPORT_S = 10.0


class Fifo:
    """The image that has waited longest."""

    def __init__(self) -> None:
        self._waiting: deque[Asked] = deque()

    def order(self, asked: Asked, now: float) -> float | None:
        """Queue one image after the other."""
        self._waiting.extend([asked] * asked.count)
        return None

    def claim(self, device: Device, now: float) -> tuple[object, Asked] | None:
        """Take the chosen image."""
        if not self._waiting:
            return None
        asked = self._chosen(device, list(self._waiting))
        self._waiting.remove(asked)
        return None, asked

    def finish(self, device: Device, ticket: object, picture: Drawn) -> None:
        """Need nothing."""

    def coming(self, device: Device, now: float) -> tuple[str, ...]:
        """Know nothing ahead."""
        return ()

    def _chosen(self, device: Device, waiting: list[Asked]) -> Asked:
        return waiting[0]


class RoundRobin(Fifo):
    """The first image of the member who was served longest ago."""

    def __init__(self) -> None:
        super().__init__()
        self._served: dict[int, int] = {}

    def _chosen(self, device: Device, waiting: list[Asked]) -> Asked:
        asked = min(waiting, key=lambda asked: self._served.get(asked.member, -1))
        self._served[asked.member] = 1 + max(self._served.values(), default=0)
        return asked


class Affinity(Fifo):
    """The first image of the loaded variant, for as long as there is one."""

    def _chosen(self, device: Device, waiting: list[Asked]) -> Asked:
        here = (asked for asked in waiting if asked.variant == device.loaded)
        return next(here, waiting[0])


class Product:
    """The store's own functions; its database reads the simulated clock.

    Without `affinity` it is not told which LoRAs are at hand, without `ahead` none are brought
    before their picture's turn.
    """

    def __init__(self, database: Database, *, affinity: bool = True, ahead: bool = True) -> None:
        self._database = database
        self._affinity, self._ahead = affinity, ahead
        self._now = 0.0
        self._asked: dict[str, Asked] = {}
        self._reported: dict[str, float] = {}

    @classmethod
    @contextmanager
    def opened(
        cls, folder: Path, devices: list[Device], *, affinity: bool = True, ahead: bool = True
    ) -> Iterator["Product"]:
        """Yield the product over a fresh database in `folder`."""
        url = f"sqlite:///{folder / 'reroll.db'}"
        migrate.upgrade(url)
        database = Database(url)
        product = cls(database, affinity=affinity, ahead=ahead)

        def clocked(connection: Any, _record: Any) -> None:
            connection.create_function("julianday", 1, product._julian)

        event.listen(sqlalchemy.Engine, "connect", clocked)
        try:
            for device in devices:
                product._report(device)
            yield product
        finally:
            event.remove(sqlalchemy.Engine, "connect", clocked)
            database.close()

    def order(self, asked: Asked, now: float) -> float | None:
        """Place the order as the bot does."""
        self._now = now
        uses = (LoraUse(asked.lora),) if asked.lora else ()
        wanted = replace(request(asked.count, asked.variant), loras=uses)
        wish = order(asked.count, asked.member, request=wanted)
        with self._database.begin() as session:
            placed = placing.create(session, wish, PLAN, NOON)
        self._asked[placed.id] = asked
        return placed.seconds

    def claim(self, device: Device, now: float) -> tuple[object, Asked] | None:
        """Claim as a worker does."""
        self._now = now
        if now - self._reported.get(device.name, -REPORT_S) >= REPORT_S:
            self._report(device)
        residency = device.residency(now)
        if not self._affinity:
            residency = replace(residency, loras=frozenset(), none_brought_for_s=math.inf)
        with self._database.begin() as session:
            claim = claims.claim(session, device.name, device.variants, residency)
        return (claim, self._asked[claim.generation_id]) if claim else None

    def finish(self, device: Device, ticket: object, picture: Drawn) -> None:
        """Keep the picture as a worker does."""
        self._now = picture.finished
        assert isinstance(ticket, claims.Claim)
        told = replace(
            kept(ticket.request),
            seconds=picture.finished - picture.started,
            loading_s=picture.loading,
        )
        with self._database.begin() as session:
            ends.keep(session, ticket, told)

    def coming(self, device: Device, now: float) -> tuple[str, ...]:
        """Look ahead as a worker does."""
        if not self._ahead:
            return ()
        self._now = now
        with self._database.begin() as session:
            return coming.loras(session, device.variants, device.residency(now))

    def _report(self, device: Device) -> None:
        self._reported[device.name] = self._now
        with self._database.begin() as session:
            workers.report(session, device.name, device.variants)

    def _julian(self, _: str) -> float:
        return (EPOCH_S + self._now) / 86_400 + 2_440_587.5
