"""The worker's heartbeat: reports, leases, repairs, and the end of a process that hangs."""

import os
from threading import Event, Thread

import structlog

from store import workers
from store.errors import StoreUnavailable
from store.sweep import sweep
from worker.drawing import Parts
from worker.events import Finished
from worker.queue import BrokerUnavailable, Tickets

BEAT_S = 1.0
"""How soon a cancellation is heard; a lease outlives many missed beats."""
REPORT_BEATS = 5
HANG_S = 900.0
"""A picture that has not moved for so long never will: a hung kernel cannot be interrupted."""
HANG_EXIT = 70

log = structlog.get_logger()


class Heart:
    """Beats in a thread of its own from `start` to `stop`."""

    def __init__(self, parts: Parts, tickets: Tickets) -> None:
        self._parts, self._tickets = parts, tickets
        self._stopped = Event()
        self._thread = Thread(target=self._beat_on, name="heart", daemon=True)

    def start(self) -> None:
        """Report the worker and begin to beat."""
        self._report()
        self._thread.start()

    def stop(self) -> None:
        """Stop beating and take the worker off the list."""
        self._stopped.set()
        self._thread.join()
        with self._parts.database.begin() as session:
            workers.leave(session, self._parts.name)

    def _beat_on(self) -> None:
        beats = 0
        while not self._stopped.wait(BEAT_S):
            beats += 1
            try:
                self._parts.hand.beat(self._parts.database)
                if beats % REPORT_BEATS == 0:
                    self._report()
                    self._repair()
            except (StoreUnavailable, BrokerUnavailable) as error:
                log.warning("heartbeat missed", error=str(error))
            except Exception:
                log.exception("heartbeat failed")
            self._end_if_hung()

    def _report(self) -> None:
        with self._parts.database.begin() as session:
            workers.report(session, self._parts.name, self._parts.catalog.names)

    def _repair(self) -> None:
        with self._parts.database.begin() as session:
            swept = sweep(session)
        for generation_id in swept.finished:
            self._parts.doorbell.ring(Finished(generation_id=generation_id))
        for variant in swept.variants:
            self._tickets.remind(variant)

    def _end_if_hung(self) -> None:
        if self._parts.hand.still_s > HANG_S:
            log.critical("picture hangs, ending the process", seconds=self._parts.hand.still_s)
            os._exit(HANG_EXIT)
