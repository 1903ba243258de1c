"""What a worker tells Prometheus beyond its log lines, and whether it is ready to draw."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import select

from engine.engine import Engine
from store.errors import StoreUnavailable
from store.metrics.endpoint import Endpoint
from worker.drawing import Parts
from worker.settings import WorkerSettings


def endpoint(settings: WorkerSettings, parts: Parts, registry: CollectorRegistry) -> Endpoint:
    """Return the endpoint of this worker, with what its engine has at hand."""
    engine, hand = parts.engine, parts.hand
    for name, told, value in (
        ("reroll_loaded_variants", "Variants that are loaded", lambda: len(engine.loaded)),
        ("reroll_loras_at_hand", "LoRAs in memory", lambda: len(engine.adapters.at_hand)),
        ("reroll_drawing", "Whether a picture is being drawn", lambda: int(not hand.empty)),
        ("reroll_still_seconds", "Since the picture in hand moved", lambda: hand.still_s),
    ):
        Gauge(name, told, registry=registry).set_function(value)
    registry.register(Rows(engine))
    host, port = settings.metrics_host, settings.metrics_port
    return Endpoint(host, port, registry, lambda: lacks(parts))


class Rows(Collector):
    """Tells how many pictures share a forward, where that was measured."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        """Yield what the engine has found so far."""
        rows = GaugeMetricFamily(
            "reroll_rows",
            "Pictures that share a forward, as measured",
            labels=["variant", "size"],
        )
        for (variant, _weights, width, height), found in self._engine.shares.items():
            rows.add_metric([variant, f"{width}x{height}"], found.rows)
        yield rows


def lacks(parts: Parts) -> str:
    """Return why this worker draws nothing now, nothing where it does."""
    if parts.hand.leaving:
        return "it is leaving"
    try:
        with parts.database.begin() as session:
            session.execute(select(1))
    except StoreUnavailable:
        return "the database does not answer"
    return ""
