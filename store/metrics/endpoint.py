"""`/metrics`, `/healthz` and `/readyz` of one process, in a thread of their own."""

import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

PLAIN = "text/plain; charset=utf-8"

Lacks = Callable[[], str]
"""Says what a process lacks to do its work, nothing where it is ready."""

log = structlog.get_logger()


class Endpoint:
    """Serves while it is entered; not at all at port 0, nor where the port is taken."""

    def __init__(self, host: str, port: int, registry: CollectorRegistry, lacks: Lacks) -> None:
        self._address = (host, port)
        self._registry, self._lacks = registry, lacks
        self._server: ThreadingHTTPServer | None = None

    @property
    def port(self) -> int:
        """Return where it listens, 0 where it does not."""
        return self._server.server_port if self._server else 0

    def __enter__(self) -> Self:
        if self._address[1]:
            self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def answer(self, path: str) -> tuple[HTTPStatus, str, bytes]:
        """Return what is said at a path."""
        if path == "/metrics":
            return HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(self._registry)
        if path == "/healthz":
            return HTTPStatus.OK, PLAIN, b"ok\n"
        if path == "/readyz":
            lacks = self._lacks()
            state = HTTPStatus.SERVICE_UNAVAILABLE if lacks else HTTPStatus.OK
            return state, PLAIN, f"{lacks or 'ready'}\n".encode()
        return HTTPStatus.NOT_FOUND, PLAIN, b"/metrics, /healthz or /readyz\n"

    def _start(self) -> None:
        answer = self.answer

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self) -> None:
                status, kind, body = answer(self.path.partition("?")[0])
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing: a scrape every few seconds is no event."""

        try:
            self._server = ThreadingHTTPServer(self._address, Handler)
        except OSError as error:
            log.warning("no metrics: the port cannot be used", error=str(error))
            return
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()
