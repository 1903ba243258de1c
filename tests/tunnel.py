"""An HTTP proxy on loopback that tells whom it was asked for, and leads all of them to one port."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

REFUSED = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
TAKEN = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Tunnel(socketserver.ThreadingTCPServer):
    """`asked` has each host and the password given with it; without `leads_to` it refuses all."""

    daemon_threads = True

    def __init__(self, leads_to: int | None) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.leads_to = leads_to
        self.asked: list[tuple[str, str]] = []
        self.port: int = self.server_address[1]


class _Asked(socketserver.StreamRequestHandler):
    """One CONNECT, and what comes after it until either end is closed."""

    server: Tunnel

    def handle(self) -> None:
        host = self.rfile.readline().decode().split()[1]
        said = dict(line.split(": ", 1) for line in iter(self._line, ""))
        self.server.asked.append((host, said.get("Proxy-Authorization", "")))
        if self.server.leads_to is None:
            self.wfile.write(REFUSED)
            return
        with socket.create_connection(("127.0.0.1", self.server.leads_to)) as far:
            self.wfile.write(TAKEN)
            back = threading.Thread(target=self._carry_back, args=(far,))
            back.start()
            with suppress(OSError):
                _carry(self.connection, far)
                far.shutdown(socket.SHUT_WR)
            back.join()

    def _line(self) -> str:
        return self.rfile.readline().decode().strip()

    def _carry_back(self, far: socket.socket) -> None:
        with suppress(OSError):
            _carry(far, self.connection)
            self.connection.shutdown(socket.SHUT_WR)


def _carry(here: socket.socket, there: socket.socket) -> None:
    while some := here.recv(2**16):
        there.sendall(some)


@contextmanager
def running(leads_to: int | None = None) -> Iterator[Tunnel]:
    """Run one in a thread of its own."""
    with Tunnel(leads_to) as tunnel:
        serving = threading.Thread(target=tunnel.serve_forever)
        serving.start()
        try:
            yield tunnel
        finally:
            tunnel.shutdown()
            serving.join()
