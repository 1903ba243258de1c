"""A real S3 server for tests, where one is installed, behind a door that can be shut and opened.

`moto_server` (`pipx install 'moto[server]'`) wants other versions of libraries than we do, so that
it cannot stand in the project's own environment.
"""

import asyncio
import contextlib
import shutil
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PROGRAM = shutil.which("moto_server")
BUCKET = "reroll"


class Door:
    """An address that leads to the server while it is open, and to nobody while it is shut."""

    def __init__(self, server_port: int) -> None:
        self._server_port, self._port = server_port, 0
        self._listening: asyncio.Server | None = None
        self._inside: set[asyncio.StreamWriter] = set()

    @property
    def settings(self) -> dict[str, str]:
        """What a process is told that keeps its files behind this door."""
        return {
            "REROLL_FILES_URL": f"s3://{BUCKET}/pictures",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT": f"http://127.0.0.1:{self._port}",
            "AWS_ALLOW_HTTP": "true",
        }

    async def open(self) -> None:
        self._listening = await asyncio.start_server(self._enter, "127.0.0.1", self._port)
        self._port = self._listening.sockets[0].getsockname()[1]

    def shut(self) -> None:
        """Refuse whoever comes, and break off what is under way."""
        if self._listening:
            self._listening.close()
        for writer in self._inside:
            writer.transport.abort()

    async def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", self._server_port)
        both = {writer, there[1]}
        self._inside |= both
        with contextlib.suppress(OSError):
            await asyncio.gather(_pass_on(reader, there[1]), _pass_on(there[0], writer))
        self._inside -= both


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    finally:
        writer.close()


@asynccontextmanager
async def running(port: int) -> AsyncIterator[Door]:
    """Yield an open door to a server on `port` that has an empty bucket."""
    assert PROGRAM
    server = await asyncio.create_subprocess_exec(
        *(PROGRAM, "-H", "127.0.0.1", "-p", str(port)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    door = Door(port)
    try:
        await _make_bucket(port)
        await door.open()
        yield door
    finally:
        door.shut()
        server.kill()
        await server.wait()


async def _make_bucket(port: int) -> None:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/{BUCKET}", method="PUT")
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(OSError):
                return (await asyncio.to_thread(urllib.request.urlopen, request)).close()
            await asyncio.sleep(0.2)
