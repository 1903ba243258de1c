"""What happens to an order, in bot and worker, is one trace at a real collector's address."""

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client import CollectorRegistry

from store.metrics.observers import observers
from store.metrics.traces import Tracer, root_of
from store.settings import Settings


class Collector(HTTPServer):
    """Takes what an exporter sends."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Take)
        self.taken: list[ExportTraceServiceRequest] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/traces"

    @property
    def spans(self) -> dict[str, Span]:
        return {
            span.name: span
            for request in self.taken
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }


class _Take(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.taken.append(ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_bot_and_worker_find_into_one_trace(collector: Collector) -> None:
    bot, worker = Tracer(collector.url, "bot"), Tracer(collector.url, "worker")
    bot(None, "info", {"event": "order placed", "order": "k7", "prompt": "a panda"})
    line = {"event": "image drawn", "order": "k7", "variant": "starter", "seconds": 1.5}
    assert worker(None, "info", dict(line)) == line
    worker(None, "exception", {"event": "image failed", "order": "k7", "error": "a panda"})
    worker(None, "info", {"event": "variant loaded", "seconds": 9.0})
    for tracer in (bot, worker):
        tracer.flush()
    spans = collector.spans
    assert set(spans) == {"order placed", "image drawn", "image failed"}
    wanted = root_of("k7").trace_id.to_bytes(16)
    assert {span.trace_id for span in spans.values()} == {wanted}
    drawn = spans["image drawn"]
    took_ns = drawn.end_time_unix_nano - drawn.start_time_unix_nano
    assert took_ns == pytest.approx(1.5e9, rel=0.01)
    assert spans["image failed"].status.code == 2
    assert "panda" not in str(spans)
    services = {
        attribute.value.string_value
        for request in collector.taken
        for resource in request.resource_spans
        for attribute in resource.resource.attributes
        if attribute.key == "service.name"
    }
    assert services == {"reroll-bot", "reroll-worker"}


def test_without_a_collector_nobody_traces() -> None:
    settings = Settings.model_construct(traces_url="")
    assert len(list(observers(settings, "bot", CollectorRegistry()))) == 1
