"""Weights come by the ways that docs/hosting.md names: a mirror, a proxy, a copied cache."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from engine.variants.catalog import PROJECT

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "model_index.json": b"{}",
    "vae/config.json": b'{"kind": "toy"}',
    "vae/weights.safetensors": bytes(4096),
    "other/weights.safetensors": b"of a part that nobody asked for",
}
# The hub's library reads the environment once, when it is imported.
FETCH = f"""
from pathlib import Path
from engine.variants.catalog import Weights
from engine.weights.finding import Place, find_weights
wanted = Weights(source="someone/toy", revision="{COMMIT}")
print(find_weights(wanted, ("vae",), Place(Path("."), offline=False)).path)
"""


class Mirror(ThreadingHTTPServer):
    """Hands out one commit of one repository, as the hub does."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.asked: list[tuple[str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Answer(BaseHTTPRequestHandler):
    server: Mirror

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self.wfile.write(self._answer())

    def _answer(self) -> bytes:
        path = urlsplit(self.path).path  # a proxy is told all of the address
        if "/someone/toy/" in path:
            self.server.asked.append((self.headers["Host"], self.headers["Authorization"]))
        file = path.removeprefix(f"/someone/toy/resolve/{COMMIT}/")
        if path == f"/api/models/someone/toy/tree/{COMMIT}":
            content = json.dumps([_entry(*one) for one in FILES.items()]).encode()
        elif file in FILES:
            content = FILES[file]
        else:
            self.send_error(404)
            return b""
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha1(content, usedforsecurity=False).hexdigest()}"')
        self.end_headers()
        return content

    def log_message(self, *_said: object) -> None:
        """Say nothing: the test asks what was asked."""


def _entry(path: str, content: bytes) -> dict[str, object]:
    oid = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    return {"type": "file", "path": path, "size": len(content), "oid": oid}


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    with Mirror() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def fetched(cache: Path, **told: str) -> dict[str, bytes]:
    """Fetch in a process of its own that is told this alone; return what then lies here."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(cache), "HF_HOME": str(cache), **told}
    command = [sys.executable, "-c", FETCH]
    ended = subprocess.run(
        command, env=environment, cwd=PROJECT, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stderr
    folder = Path(ended.stdout.splitlines()[-1])
    found = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    return {file.relative_to(folder).as_posix(): content for file, content in found.items()}


WANTED = {name: content for name, content in FILES.items() if not name.startswith("other/")}


def test_a_mirror_is_asked_and_told_the_token_and_its_cache_does_without_it(
    mirror: Mirror, tmp_path: Path
) -> None:
    assert fetched(tmp_path, HF_ENDPOINT=mirror.url, HF_TOKEN="hf_toy") == WANTED
    assert {said for _, said in mirror.asked} == {"Bearer hf_toy"}
    mirror.asked.clear()

    copied = tmp_path.rename(tmp_path.with_name("copied"))
    assert fetched(copied, HF_HUB_OFFLINE="1") == WANTED
    assert not mirror.asked


@pytest.mark.parametrize("beside", [{}, {"ALL_PROXY": "socks5://127.0.0.1:1"}])
def test_a_proxy_is_asked_for_the_hub(
    mirror: Mirror, tmp_path: Path, beside: dict[str, str]
) -> None:
    way = {"HF_ENDPOINT": "http://hub.test", "HTTP_PROXY": mirror.url, **beside}
    assert fetched(tmp_path, **way) == WANTED
    assert {host for host, _ in mirror.asked} == {"hub.test"}
