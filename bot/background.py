"""The bot's loops beside Discord: kept running, hearing workers, repairing what deaths leave."""

import asyncio
from collections.abc import Awaitable, Callable, Set
from contextlib import suppress
from functools import partial

import structlog
from sqlalchemy.orm import Session

from bot.delivery.progress import ProgressBoard
from bot.services import Services
from store.errors import FilesUnavailable, StoreUnavailable
from store.moderation import reviews
from store.orders import generations
from store.outages import Outages
from store.sweep import Swept, sweep
from store.training import leftover, trainings
from store.watch import Watch
from worker import events
from worker.queue import BrokerUnavailable

SWEEP_S = 3.0
BROKEN_S = 1.0

log = structlog.get_logger()


async def for_ever(name: str, loop: Callable[[], Awaitable[None]]) -> None:
    """Run a loop, and run it again where it breaks: a bot that no longer delivers is no bot."""
    while True:
        try:
            await loop()
        except Exception:
            log.exception("loop broke", loop=name)
        await asyncio.sleep(BROKEN_S)


async def hear(services: Services, board: ProgressBoard, broker_url: str) -> None:
    """Pass workers' events on, for ever."""
    try:
        async for event in events.listen(broker_url):
            if isinstance(event, events.Progress):
                board.push(event)
            else:
                services.bell.set()
    finally:
        board.close()


class Sweeper:
    """Sweeps every few seconds; what is away is logged once, when it goes and when it returns."""

    def __init__(
        self, services: Services, *, every_s: float = SWEEP_S, watch: Watch | None = None
    ) -> None:
        self._services = services
        self._every_s = every_s
        self._watch = watch or Watch()
        self._outages = Outages()
        self._stuck: set[str] = set()
        """Folders that could not be removed: tried after the others, whom they must not hold up."""

    async def run(self) -> None:
        """Sweep for ever."""
        while True:
            await self.sweep()
            await asyncio.sleep(self._every_s)

    async def sweep(self) -> None:
        """Sweep once and remind workers of what waits."""
        try:
            swept = await self._services.database.run(self._swept)
        except StoreUnavailable as error:
            self._outages.began("database", error)
            return
        self._outages.ended("database")
        if swept is None:
            return
        if swept.finished:
            self._services.bell.set()
        if swept.variants:
            await self._remind(swept.variants)
        await self._purge(swept)
        with suppress(FilesUnavailable, StoreUnavailable):  # found again by the next sweep
            for late in swept.overdue:
                await self._services.files.aremove_one(late.generation_id, late.sha256)
                await self._services.database.run(reviews.refuse, late)

    def _swept(self, session: Session) -> Swept | None:
        session.connection()  # a look is one only where the database is there
        watched_ms = self._watch.look()
        return None if watched_ms is None else sweep(session, watched_ms=watched_ms)

    async def _purge(self, swept: Swept) -> None:
        """Remove files of orders and trainings; what fails is found again by the next sweep."""
        database = self._services.database
        orders = {one: partial(generations.purged, generation_ids=[one]) for one in swept.unpurged}
        trained = {
            trainings.folder(one): partial(leftover.purged, lora_ids=[one]) for one in swept.trained
        }
        purged = orders | trained
        with suppress(StoreUnavailable):
            for folder in sorted(purged, key=self._stuck.__contains__):
                try:
                    await self._services.files.aremove(folder)
                except FilesUnavailable:
                    self._stuck.add(folder)
                    return
                self._stuck.discard(folder)
                await database.run(purged[folder])

    async def _remind(self, variants: Set[str]) -> None:
        try:
            for variant in variants:
                await self._services.tickets.aremind(variant)
        except BrokerUnavailable as error:
            self._outages.began("broker", error)
        else:
            self._outages.ended("broker")
