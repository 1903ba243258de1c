"""The worker's heartbeat: leases and reports, repairs, and the end of a process that hangs."""

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import asdict
from threading import Event, Thread
from typing import Any

import structlog

from store.database import Database
from store.errors import StoreUnavailable
from store.host import controls, workers
from store.host.workers import Means, Rows
from store.outages import Outages
from store.sweep import sweep
from store.watch import Watch
from worker.drawing import Parts
from worker.events import Finished
from worker.hand import InHand
from worker.queue import BrokerUnavailable, Tickets

BEAT_S = 1.0
"""How soon a cancellation is heard; a lease outlives many missed beats."""
REPAIR_S = 5.0
HANG_S = 900.0
"""A picture that has not moved for so long never will: a hung kernel cannot be interrupted."""
DEAF_S = 60.0
"""With empty hands while work waits and tickets can be sent, Celery has stopped listening."""
UNWELL_EXIT = 70

log = structlog.get_logger()


class Pulse(ABC):
    """Beats and repairs, each in a thread of its own, from `start` to `stop`.

    Repairs may wait for a database or a broker; the lease of what is in hand must not. `names` are
    what this process does, as it reports and is sent tickets for.
    """

    def __init__(
        self, name: str, names: Sequence[str], database: Database, hand: InHand, tickets: Tickets
    ) -> None:
        self._name, self._names = name, names
        self._database, self._hand, self._tickets = database, hand, tickets
        self._outages = Outages()
        self._stopped = Event()
        self._busy_at = time.monotonic()
        self._watch = Watch()
        self._threads = [
            Thread(target=self._repeat, args=args, daemon=True)
            for args in ((BEAT_S, self._beat), (REPAIR_S, self._repair))
        ]

    @abstractmethod
    def mend(self, watched_ms: int) -> Set[str]:
        """Repair what is due; return the names whose tickets may be lost."""

    def means(self) -> Mapping[str, Means]:
        """Return how what is loaded here is computed, by name."""
        return {}

    def rows(self) -> Mapping[str, Rows]:
        """Return how many pictures share a forward here, by variant."""
        return {}

    def start(self) -> None:
        """Report the worker and begin to beat."""
        self._report()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop beating and say that the worker has left."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        try:
            with self._database.begin() as session:
                workers.leave(session, self._name, self._names)
        except StoreUnavailable:
            log.warning("left without a word: the database is away")

    def _repeat(self, every_s: float, work: Callable[[], None]) -> None:
        while not self._stopped.wait(every_s):
            try:
                work()
            except StoreUnavailable as error:
                self._outages.began("database", error)
            except BrokerUnavailable as error:
                self._outages.began("broker", error)
            except Exception:
                log.exception("heartbeat failed", work=work.__name__)

    def _beat(self) -> None:
        if self._hand.still_s > HANG_S:
            _end_process("what is in hand hangs", self._hand.still_s)
        self._hand.beat(self._database)

    def _report(self) -> None:
        with self._database.begin() as session:
            workers.report(session, self._name, self._names, self.means(), self.rows())

    def _repair(self) -> None:
        self._report()
        if (watched_ms := self._watch.look()) is None:
            return
        waits = self.mend(watched_ms)
        with self._database.reading() as session:
            paused = controls.is_paused(session)
        self._outages.ended("database")
        for name in waits:
            self._tickets.remind(name)
        if waits:
            self._outages.ended("broker")
        self._end_if_deaf(set() if paused else waits)

    def _end_if_deaf(self, waits: Set[str]) -> None:
        if not waits & set(self._names) or not self._hand.empty or self._hand.leaving:
            self._busy_at = time.monotonic()
        if (deaf_s := time.monotonic() - self._busy_at) > DEAF_S:
            _end_process("tickets are not heard", deaf_s)


class Heart(Pulse):
    """The heartbeat of a process that draws."""

    def __init__(self, parts: Parts, tickets: Tickets) -> None:
        super().__init__(parts.name, parts.catalog.names, parts.database, parts.hand, tickets)
        self._doorbell, self._engine, self._catalog = parts.doorbell, parts.engine, parts.catalog

    def means(self) -> Mapping[str, Means]:
        """Return what decides the pixels of what is loaded."""
        names = [name for name in self._engine.loaded if name in self._catalog.names]
        return {name: self._engine.means(self._catalog[name]) for name in names}

    def rows(self) -> Mapping[str, Rows]:
        """Return what was measured of sizes that have a name; of others there may be thousands."""
        told: dict[str, dict[str, Any]] = {name: {} for name in self._catalog.names}
        for (variant, _, *size), found in self._engine.shares.items():
            if variant in told and tuple(size) in self._catalog[variant].sizes.presets.values():
                told[variant]["{}x{}".format(*size)] = asdict(found)
        return told

    def mend(self, watched_ms: int) -> Set[str]:
        """Repair orders; return the variants that wait."""
        with self._database.begin() as session:
            swept = sweep(session, watched_ms=watched_ms)
        for generation_id in list(swept.finished)[:1]:
            # Any one makes the bot look; it finds them all.
            self._doorbell.ring(Finished(generation_id=generation_id))
        return swept.variants


def _end_process(reason: str, seconds: float) -> None:
    log.critical("ending the process, to be started again", reason=reason, seconds=seconds)
    os._exit(UNWELL_EXIT)
