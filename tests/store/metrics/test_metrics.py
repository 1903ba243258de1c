"""Numbers for Prometheus, health for whoever restarts processes, and lines for machines."""

import json
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update

from store.database import Database
from store.host import bots, controls, workers
from store.line import claims
from store.metrics import probe
from store.metrics.endpoint import Endpoint
from store.metrics.numbers import Numbers
from store.metrics.tally import Tally
from store.tables.host import Bot
from tests.store.placing import place


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def values(text: str) -> dict[tuple[str, ...], float]:
    return {
        (one.name, *one.labels.values()): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def test_numbers_are_read_from_sql_at_each_scrape(database: Database) -> None:
    registry = CollectorRegistry()
    Numbers(database, registry)
    endpoint = Endpoint("127.0.0.1", 0, registry, lambda: "")
    before = values(endpoint.answer("/metrics")[2].decode())
    assert before["reroll_database_up",] == 1
    assert not any(key[0] == "reroll_waiting_images" for key in before)
    with database.begin() as session:
        for _ in range(2):
            place(session)
        workers.report(session, "gpu-0", ["starter"])
        claims.claim(session, "gpu-0", ["starter"])
        controls.set_flow(session, controls.Flow.PAUSED, by=1)
    now = values(endpoint.answer("/metrics")[2].decode())
    assert now["reroll_waiting_images", "starter"] == 1
    assert now["reroll_drawing_images", "starter"] == 1
    assert now["reroll_workers", "starter"] == now["reroll_workers_at_work",] == 1
    assert now["reroll_flow", "paused"] == 1


def test_a_database_that_takes_nothing_is_told_apart_from_one_that_is_well(
    database: Database,
) -> None:
    registry = CollectorRegistry()
    Numbers(database, registry)
    endpoint = Endpoint("127.0.0.1", 0, registry, lambda: "")
    for silent_ms, is_up in ((0, 1), (bots.SILENT_MS + 1, 0)):
        with database.begin() as session:
            bots.take(session, 42, "one")
            session.execute(update(Bot).values(seen_at=Bot.seen_at - silent_ms))
        now = values(endpoint.answer("/metrics")[2].decode())
        assert (now["reroll_database_up",], now["reroll_undelivered_orders",]) == (is_up, 0)


def test_without_a_database_the_rest_is_still_told() -> None:
    database, registry = Database("postgresql://nobody@127.0.0.1:1/none"), CollectorRegistry()
    Numbers(database, registry)
    text = Endpoint("127.0.0.1", 0, registry, lambda: "").answer("/metrics")[2].decode()
    assert values(text) == {("reroll_database_up",): 0}
    database.close()


def test_health_and_readiness_are_asked_apart(unused_tcp_port: int) -> None:
    lacks = ["Discord is not connected"]
    with Endpoint("127.0.0.1", unused_tcp_port, CollectorRegistry(), lambda: lacks[0]):
        assert get(unused_tcp_port, "/healthz") == (200, "ok\n")
        assert get(unused_tcp_port, "/readyz") == (503, "Discord is not connected\n")
        lacks[0] = ""
        assert get(unused_tcp_port, "/readyz") == (200, "ready\n")
        assert get(unused_tcp_port, "/secrets")[0] == 404


def test_the_probe_asks_this_machine_and_no_proxy(
    unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lacks = [""]
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("REROLL_METRICS_PORT", str(unused_tcp_port))
    with Endpoint("127.0.0.1", unused_tcp_port, CollectorRegistry(), lambda: lacks[0]):
        assert probe.main([]) == 0
        lacks[0] = "Discord is not connected"
        assert probe.main([]) == 1
        assert probe.main([f"http://127.0.0.1:{unused_tcp_port}/healthz"]) == 0
    assert probe.main([]) == 1
    assert "503" in capsys.readouterr().err


def test_a_taken_port_ends_nothing(unused_tcp_port: int) -> None:
    registry = CollectorRegistry()
    with Endpoint("127.0.0.1", unused_tcp_port, registry, lambda: "") as first:
        with Endpoint("127.0.0.1", unused_tcp_port, registry, lambda: "") as second:
            assert (first.port, second.port) == (unused_tcp_port, 0)


def test_log_lines_are_counted_and_nothing_of_a_member_becomes_a_label() -> None:
    registry = CollectorRegistry()
    tally = Tally(registry)
    line = {"event": "image drawn", "variant": "starter", "seconds": 1.5, "order": "abc"}
    for _ in range(2):
        assert tally(None, "info", dict(line)) == line
    tally(None, "info", {"event": "order placed", "prompt": "a panda"})
    tally(None, "exception", {"event": "delivery failed"})
    assert registry.get_sample_value(
        "reroll_events_total", {"event": "image drawn", "variant": "starter", "level": "info"}
    ) == pytest.approx(2)
    assert registry.get_sample_value(
        "reroll_events_total", {"event": "delivery failed", "variant": "", "level": "error"}
    )
    assert registry.get_sample_value(
        "reroll_event_seconds_total", {"event": "image drawn", "variant": "starter"}
    ) == pytest.approx(3)
    names = {one.labels.get("event") for family in registry.collect() for one in family.samples}
    assert names == {"image drawn", "order placed", "delivery failed"}


SPEAK = """
import structlog
from prometheus_client import CollectorRegistry
from store import logs
from store.metrics.tally import Tally
registry = CollectorRegistry()
logs.configure("warning", "json", Tally(registry))
log = structlog.get_logger("worker.test")
with structlog.contextvars.bound_contextvars(order="k7"):
    log.info("quiet")
    log.warning("lease lost, result dropped", image=1, url="/webhooks/1/secret")
labels = {"event": "quiet", "variant": "", "level": "info"}
print(registry.get_sample_value("reroll_events_total", labels))
"""


def test_lines_for_machines_carry_the_order_and_quiet_ones_are_counted() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SPEAK], capture_output=True, text=True, check=True, timeout=60
    )
    (line,) = ran.stderr.splitlines()
    told = json.loads(line)
    assert (told["event"], told["order"], told["image"]) == ("lease lost, result dropped", "k7", 1)
    assert "secret" not in line
    assert ran.stdout == "1.0\n"
