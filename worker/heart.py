"""The worker's heartbeat: leases and reports, repairs, and the end of a process that hangs."""

import os
import time
from collections.abc import Callable
from threading import Event, Thread

import structlog

from store import controls, workers
from store.errors import StoreUnavailable
from store.sweep import Swept, sweep
from worker.drawing import Parts
from worker.events import Finished
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


class Heart:
    """Beats and repairs, each in a thread of its own, from `start` to `stop`.

    Repairs may wait for a database or a broker; the lease of the picture in hand must not.
    """

    def __init__(self, parts: Parts, tickets: Tickets) -> None:
        self._parts, self._tickets = parts, tickets
        self._stopped = Event()
        self._began = self._busy_at = time.monotonic()
        self._threads = [
            Thread(target=self._repeat, args=args, daemon=True)
            for args in ((BEAT_S, self._beat), (REPAIR_S, self._repair))
        ]

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
            with self._parts.database.begin() as session:
                workers.leave(session, self._parts.name, self._parts.catalog.names)
        except StoreUnavailable:
            log.warning("left without a word: the database is away")

    def _repeat(self, every_s: float, work: Callable[[], None]) -> None:
        while not self._stopped.wait(every_s):
            try:
                work()
            except (StoreUnavailable, BrokerUnavailable) as error:
                log.warning("heartbeat missed", work=work.__name__, error=str(error))
            except Exception:
                log.exception("heartbeat failed", work=work.__name__)

    def _beat(self) -> None:
        hand = self._parts.hand
        if hand.still_s > HANG_S:
            _end_process("the picture in hand hangs", hand.still_s)
        hand.beat(self._parts.database)

    def _report(self) -> None:
        parts, catalog = self._parts, self._parts.catalog
        loaded = [name for name in parts.engine.loaded if name in catalog.names]
        means = {name: parts.engine.means(catalog[name]) for name in loaded}
        with parts.database.begin() as session:
            workers.report(session, parts.name, catalog.names, means)

    def _repair(self) -> None:
        self._report()
        watched_ms = int((time.monotonic() - self._began) * 1000)
        with self._parts.database.begin() as session:
            swept = sweep(session, watched_ms=watched_ms)
            paused = controls.is_paused(session)
        for generation_id in list(swept.finished)[:1]:
            # Any one makes the bot look; it finds them all.
            self._parts.doorbell.ring(Finished(generation_id=generation_id))
        for variant in swept.variants:
            self._tickets.remind(variant)
        self._end_if_deaf(swept, paused=paused)

    def _end_if_deaf(self, swept: Swept, *, paused: bool) -> None:
        waits = not paused and swept.variants & set(self._parts.catalog.names)
        if not waits or not self._parts.hand.empty or self._parts.hand.leaving:
            self._busy_at = time.monotonic()
        if (deaf_s := time.monotonic() - self._busy_at) > DEAF_S:
            _end_process("tickets are not heard", deaf_s)


def _end_process(reason: str, seconds: float) -> None:
    log.critical("ending the process, to be started again", reason=reason, seconds=seconds)
    os._exit(UNWELL_EXIT)
