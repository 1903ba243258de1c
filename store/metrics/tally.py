"""Counts our own log lines by what they say happened: every event that is logged is measured."""

from collections.abc import MutableMapping
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter

LABELS = ("event", "variant")


class Tally:
    """A processor of log lines; `variant` is empty where a line names none.

    Events are words of the program and variants those that are switched on, so that neither a
    member nor a prompt ever becomes a label.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._events = Counter(
            "reroll_events",
            "What was logged, by its words and how bad it is",
            (*LABELS, "level"),
            registry=registry,
        )
        self._seconds = Counter(
            "reroll_event_seconds",
            "Seconds that events took which tell them: drawing, loading",
            LABELS,
            registry=registry,
        )

    def __call__(
        self, logger: structlog.typing.WrappedLogger, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Count a line and pass it on."""
        variant = event.get("variant")
        labels = (str(event.get("event")), variant if isinstance(variant, str) else "")
        self._events.labels(*labels, "error" if method == "exception" else method).inc()
        if isinstance(seconds := event.get("seconds"), int | float):
            self._seconds.labels(*labels).inc(max(0.0, seconds))
        return event
