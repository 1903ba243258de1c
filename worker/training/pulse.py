"""The heartbeat of a process that trains."""

from collections.abc import Set

from store.host import workers
from store.training import claims, trainings
from worker.heart import Pulse
from worker.queue import Tickets
from worker.training.parts import Parts


class TrainingPulse(Pulse):
    """Keeps the lease of the training in hand, and takes back what others left behind."""

    def __init__(self, parts: Parts, tickets: Tickets) -> None:
        super().__init__(parts.name, parts.names, parts.database, parts.hand, tickets)

    def mend(self, watched_ms: int) -> Set[str]:
        """Take back what a worker held that is gone; return the queues in which trainings wait."""
        with self._database.begin() as session:
            claims.sweep(session)
            waits = trainings.waiting_bases(session)
        return {workers.trainer(base) for base in waits}
