"""An S3 that refuses, hangs or has a full disk: told within the time that callers have."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from store.errors import FilesUnavailable
from store.files import Files


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A port in the place of an S3; who connects hears nothing unless a test says otherwise."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for name, value in {
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT": f"http://127.0.0.1:{port}",
            "AWS_ALLOW_HTTP": "true",
        }.items():
            monkeypatch.setenv(name, value)
        yield server


def answering(server: socket.socket, status: str, requests: list[bytes]) -> threading.Thread:
    """Answer every request with a status, until the server closes."""

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection:
                    requests.append(connection.recv(65536))
                    connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread


def test_one_that_refuses_is_told_within_seconds(s3: socket.socket) -> None:
    s3.close()
    files, started = Files("s3://bucket/prefix"), time.monotonic()
    with pytest.raises(FilesUnavailable):
        files.put("order", b"picture")
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("status", ["503 Slow Down", "507 Insufficient Storage"])
def test_one_that_answers_with_errors_is_asked_again_and_then_told(
    s3: socket.socket, status: str
) -> None:
    requests: list[bytes] = []
    answering(s3, status, requests)
    files, started = Files("s3://bucket/prefix"), time.monotonic()
    with pytest.raises(FilesUnavailable):
        files.put("order", b"picture")
    assert time.monotonic() - started < 15
    with pytest.raises(FilesUnavailable):
        files.ask("order")
    assert 4 <= len(requests) <= 6


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found"])
def test_one_that_lets_nobody_look_is_not_away(s3: socket.socket, status: str) -> None:
    answering(s3, status, [])
    Files("s3://bucket/prefix").ask("loras")


def test_it_is_used_again_once_it_is_back(s3: socket.socket) -> None:
    port = s3.getsockname()[1]
    s3.close()
    files = Files("s3://bucket/prefix")
    with pytest.raises(FilesUnavailable):
        files.put("order", b"picture")
    requests: list[bytes] = []
    with socket.create_server(("127.0.0.1", port)) as back:
        answering(back, '200 OK\r\nETag: "a"', requests)
        assert len(files.put("order", b"picture")) == 64
    assert requests[0].startswith(b"PUT /bucket/prefix/order/")
