"""The overview as Prometheus reads it: taken from SQL whenever it is asked for."""

from collections.abc import Iterable, Iterator

import structlog
from prometheus_client.core import CollectorRegistry, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from store.database import Database
from store.errors import StoreUnavailable
from store.host import bots, overview
from store.host.controls import Flow
from store.host.overview import Overview

SHARES = (0.5, 0.95)
UP = "Whether the database answers and takes what is written"

log = structlog.get_logger()


class Numbers(Collector):
    """Reads the overview at each scrape; a database that is away leaves `reroll_database_up` 0.

    So does one that can be read and takes nothing, as on a full disk: the bot cannot say any more
    that it is there.
    """

    def __init__(self, database: Database, registry: CollectorRegistry) -> None:
        self._database = database
        registry.register(self)

    def describe(self) -> Iterable[Metric]:
        """Name nothing beforehand: the registry would read the database to find out."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield everything as it is now."""
        try:
            with self._database.reading() as session:
                now, takes_nothing = overview.read(session), bots.is_unheard(session)
        except StoreUnavailable:
            yield GaugeMetricFamily("reroll_database_up", UP, 0)
            return
        yield GaugeMetricFamily("reroll_database_up", UP, int(not takes_nothing))
        yield from _lines(now)
        yield from _recent(now)
        yield from _whole(now)


def _lines(now: Overview) -> Iterator[Metric]:
    waiting = _by_variant("reroll_waiting_images", "Pictures in line")
    oldest = _by_variant("reroll_oldest_wait_seconds", "What the oldest of them has waited")
    drawing = _by_variant("reroll_drawing_images", "Pictures being drawn")
    for name, line in now.lines.items():
        waiting.add_metric([name], line.waiting)
        oldest.add_metric([name], line.oldest_s)
        drawing.add_metric([name], line.drawing)
    return iter((waiting, oldest, drawing))


def _recent(now: Overview) -> Iterator[Metric]:
    ended = GaugeMetricFamily(
        "reroll_recent_images",
        "Pictures that ended in the last 5 minutes; what failed or was cancelled is refunded",
        labels=["variant", "status"],
    )
    seconds = _by_variant("reroll_recent_drawn_seconds", "What those that are done took to draw")
    waits = GaugeMetricFamily(
        "reroll_recent_wait_seconds",
        "What they had waited until they were begun",
        labels=["variant", "quantile"],
    )
    for (name, status), recent in now.recent.items():
        ended.add_metric([name, status], recent.count)
        if status == "done":
            seconds.add_metric([name], recent.seconds)
            for share in SHARES:
                waits.add_metric([name, str(share)], recent.wait(share))
    return iter((ended, seconds, waits))


def _whole(now: Overview) -> Iterator[Metric]:
    workers = _by_variant("reroll_workers", "Workers at work that draw the variant")
    for name in {name for names in now.workers.values() for name in names}:
        workers.add_metric([name], sum(name in names for names in now.workers.values()))
    flow = GaugeMetricFamily("reroll_flow", "How orders go", labels=["flow"])
    for one in Flow:
        flow.add_metric([one.value], int(now.controls.flow is one))
    yield workers
    yield GaugeMetricFamily("reroll_workers_at_work", "Workers at work", len(now.workers))
    yield flow
    told = "Orders that are finished and not delivered yet"
    yield GaugeMetricFamily("reroll_undelivered_orders", told, now.undelivered)
    told = "US dollars that vendors took in the last 24 hours"
    yield GaugeMetricFamily("reroll_vendor_usd", told, now.vendor_usd)


def _by_variant(name: str, told: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, told, labels=["variant"])
