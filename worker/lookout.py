"""While a picture is drawn: the LoRAs of the next ones are brought into main memory.

A thread of its own. It may guess wrong, and whatever fails here fails again, and is told, when the
picture is drawn that needs it.
"""

import time
from threading import Event, Thread

import structlog

from engine.errors import RerollError
from store.line import coming, flows
from store.line.claims import Claim
from worker.drawing import Parts

LOOK_S = 0.25
"""Orders come while a picture is drawn; a look is one small query."""
GLANCE_S = 0.02
"""How soon it is seen that another picture was begun, which is looked past at once."""
MOST_BYTES = 1e9
"""What is brought while one picture is drawn."""

log = structlog.get_logger()


class Lookout:
    """Looks ahead from `start` to `stop`."""

    def __init__(self, parts: Parts, *, every_s: float = LOOK_S) -> None:
        self._parts, self._every_s = parts, every_s
        self._stopped = Event()
        self._thread = Thread(target=self._watch, daemon=True)
        self._during: Claim | None = None
        self._looked_at = 0.0
        self._tried: set[str] = set()
        self._bytes = 0

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; a file that is being read is not waited for."""
        self._stopped.set()
        self._thread.join(2 * self._every_s)

    def look(self) -> None:
        """Bring what is likely to be needed next and is not at hand."""
        claim = self._parts.hand.claim
        if claim is None:
            return
        self._looked_at = time.monotonic()
        if claim is not self._during:
            self._during, self._tried, self._bytes = claim, set(), 0
        for sha256 in self._coming():
            if self._bytes >= MOST_BYTES or self._parts.hand.claim is not claim:
                return
            self._bring(sha256)

    def _watch(self) -> None:
        while not self._stopped.wait(min(GLANCE_S, self._every_s)):
            try:
                if self._is_due():
                    self.look()
            except RerollError as error:
                log.info("what comes next is not known", error=type(error).__name__)
            except Exception:
                log.exception("looking ahead failed")

    def _is_due(self) -> bool:
        is_new = self._parts.hand.claim is not self._during
        return is_new or time.monotonic() - self._looked_at >= self._every_s

    def _coming(self) -> list[str]:
        parts = self._parts
        with parts.database.reading() as session:
            if not flows.waits(session, parts.catalog.names):
                return []
            residency = parts.stay.residency(parts.catalog, parts.engine)
            names = coming.loras(session, parts.catalog.names, residency)
        return [name for name in names if name not in residency.loras | self._tried]

    def _bring(self, sha256: str) -> None:
        self._tried.add(sha256)
        started = time.monotonic()
        try:
            self._bytes += self._parts.loras.bring(self._parts.engine.adapters, sha256)
        except RerollError as error:
            log.info("a LoRA could not be brought ahead", lora=sha256, error=type(error).__name__)
            return
        log.debug("LoRA brought ahead", lora=sha256, seconds=round(time.monotonic() - started, 3))
