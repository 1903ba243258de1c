"""What watches a process's log lines, as the host's settings have it."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from structlog.typing import Processor

from store.metrics.tally import Tally
from store.settings import Settings


class NoTracing(ValueError):
    """Traces are asked for, and the libraries for them are not installed."""

    def __init__(self) -> None:
        super().__init__("REROLL_TRACES_URL needs more: pip install --editable '.[traces]'.")


def observers(settings: Settings, process: str, registry: CollectorRegistry) -> Iterator[Processor]:
    """Yield those that are wanted. Raises NoTracing."""
    yield Tally(registry)
    if not settings.traces_url:
        return
    try:
        from store.metrics.traces import Tracer  # an extra that few install
    except ImportError:
        raise NoTracing from None
    yield Tracer(settings.traces_url, process)
