"""Traces of orders for OpenTelemetry, where a host names a collector; costs nothing elsewhere.

What is logged of an order becomes a span. A trace's id follows from its order's number, so that bot
and workers find into one trace without handing anything on.
"""

import hashlib
import time
from collections.abc import MutableMapping
from typing import Any

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

TOLD = ("variant", "image", "attempt")
"""What a span says beyond its name and its order: nothing that a member wrote."""
NS = 1_000_000_000


class Tracer:
    """A processor of log lines that passes on what happens to orders."""

    def __init__(self, url: str, process: str) -> None:
        resource = Resource.create({"service.name": f"reroll-{process}"})
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(url)))
        self._tracer = self._provider.get_tracer("reroll")

    def __call__(
        self, logger: structlog.typing.WrappedLogger, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Make a span of a line that is about an order, and pass it on."""
        if isinstance(order := event.get("order"), str):
            self._tell(order, method, event)
        return event

    def flush(self) -> None:
        """Send what has not been sent; the end of the process does so by itself."""
        self._provider.force_flush()

    def _tell(self, order: str, method: str, event: MutableMapping[str, Any]) -> None:
        ended = time.time_ns()
        seconds = event.get("seconds")
        took = seconds if isinstance(seconds, int | float) else 0
        span = self._tracer.start_span(
            str(event["event"]),
            context=set_span_in_context(NonRecordingSpan(root_of(order))),
            start_time=ended - int(took * NS),
            attributes={"order": order, **{name: event[name] for name in TOLD if name in event}},
        )
        if method in ("error", "exception", "critical"):
            span.set_status(StatusCode.ERROR)
        span.end(ended)


def root_of(order: str) -> SpanContext:
    """Return what all spans of an order hang on."""
    digest = hashlib.sha256(order.encode()).digest()
    trace_id, span_id = int.from_bytes(digest[:16]), int.from_bytes(digest[16:24])
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(1))
