"""Celery's consumer, told to wait for a queue that is away or takes no writes, and to say so once.

Left alone it ends where writes are refused, as by a Redis whose disk is full; it looks
ever more rarely for one that is away; and each loss is a stack in the log.
"""

import time
from contextlib import suppress
from typing import Any

from celery.worker.consumer import Consumer
from celery.worker.state import maybe_shutdown

from store.outages import Outages

RETRY_S = 1.0
"""Between two looks for a queue that is away; each costs one refused connection."""
QUEUE = "broker, listening"


class PatientConsumer(Consumer):  # type: ignore[misc]  # Celery is read without types
    """Listens for tickets, whatever becomes of the queue meanwhile."""

    def __init__(self, *args: Any, **named: Any) -> None:
        self._outages = Outages()
        super().__init__(*args, **named)

    def on_ready(self) -> None:
        """Note that the queue has taken what is written at a start, and is listened to."""
        self._outages.ended(QUEUE)
        super().on_ready()

    def on_connection_error_before_connected(self, exc: Exception) -> None:
        """Say that the queue cannot be used, and let it come to itself."""
        self._outages.began(QUEUE, exc)
        time.sleep(RETRY_S)  # one that can be reached may still refuse to write

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Leave the connection behind as well."""
        with suppress(Exception):
            self.connection.collect()
        self.on_connection_error_before_connected(exc)

    def ensure_connected(self, conn: Any) -> Any:
        """Return the connection once there is one, or the process is told to end."""
        conn.ensure_connection(
            lambda error, _: self._outages.began(QUEUE, error),
            interval_start=RETRY_S,
            interval_step=0,
            callback=maybe_shutdown,
        )
        self.first_connection_attempt = False
        return conn
