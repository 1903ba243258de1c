"""Everything that one machine runs, in its order: broker, migrations, worker, bot."""

import asyncio
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from local.broker import embedded
from local.errors import StartFailed
from local.folder import Folder
from local.settings import DATABASE_URL, DISCORD_URL, TOKEN
from local.supervisor import Patience, Program, Supervisor

BROKER_SECONDS = 10.0
READY_SECONDS = 300.0
"""A worker that loads a model from a cold disk needs its time."""
EMBEDDED_VARIANTS = "starter,starter-lightning"
DOOR_NAMES = (TOKEN, DISCORD_URL)
METRICS_PORT, PAGE_PORT = "REROLL_METRICS_PORT", "REROLL_PAGE_PORT"
TRAINS = "REROLL_TRAINS"
"""Whether this machine trains members' LoRAs too, in a process of its own."""
DEVICES, DEVICE, WORKER = "REROLL_DEVICES", "REROLL_DEVICE", "REROLL_WORKER_NAME"
"""A worker is started on each of the devices that this machine names."""
NO = ("false", "no", "off", "0")
WORKER_NAMES = ("REROLL_BFL_KEY",)


@dataclass(frozen=True, slots=True)
class Door:
    """Where the bot finds Discord: a token, and an address if it is not the real one."""

    token: str
    url: str | None = None

    def environment(self) -> dict[str, str]:
        """What the bot is told."""
        told = {TOKEN: self.token}
        return told | {DISCORD_URL: self.url} if self.url else told


def environment(given: Mapping[str, str], folder: Folder) -> dict[str, str]:
    """Return what every child is told: what was given goes before what is embedded.

    Neither the bot's token nor the vendor's key is among it: each is told to one of them only.
    """
    embedded_here = {
        DATABASE_URL: folder.database_url,
        "REROLL_FILES_URL": folder.files_url,
        "PYTHONUNBUFFERED": "1",
    }
    if "REROLL_VARIANTS_FOLDER" not in given:  # a host's own files may not name these
        embedded_here["REROLL_VARIANTS"] = EMBEDDED_VARIANTS
    told = embedded_here | dict(given)
    return {name: value for name, value in told.items() if name not in DOOR_NAMES + WORKER_NAMES}


def workers(told: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return this machine's workers, one on each device, and what each is told beside the others.

    Where the bot has a port for its metrics, they have the next ones: all are on this machine.
    """
    devices = [one.strip() for one in told.get(DEVICES, "").split(",") if one.strip()]
    apart: list[dict[str, str]] = [{DEVICE: device} for device in devices] or [{}]
    named = told.get(WORKER) or socket.gethostname()
    for number, more in enumerate(apart):
        if devices:
            more[WORKER] = f"{named}-{number}"
        port = told.get(METRICS_PORT, "0")
        if port.isdigit() and int(port):
            more[METRICS_PORT] = str(int(port) + 1 + number)
    return {f"worker-{number}" if number else "worker": more for number, more in enumerate(apart)}


class Stack:
    """The processes of one machine, running for as long as this is entered."""

    def __init__(
        self,
        folder: Folder,
        given: Mapping[str, str],
        door: Door,
        tell: Callable[[str], None],
        patience: Patience | None = None,
    ) -> None:
        self._folder = folder
        self._given = given
        self._door = door
        self._tell = tell
        self._open = AsyncExitStack()
        self.supervisor = Supervisor(folder.logs, tell, patience)

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._open.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._open.aclose()

    async def _start(self) -> None:
        await self._open.enter_async_context(self.supervisor)
        given = environment(self._given, self._folder)
        broker_url, _ = await asyncio.gather(self._broker_url(), self._migrate(given))
        told = given | {"REROLL_BROKER_URL": broker_url}
        keys = {name: self._given[name] for name in WORKER_NAMES if name in self._given}
        if self._door.url:  # where members' files are
            keys["REROLL_DISCORD_URL"] = self._door.url
        drawing = {name: more | keys for name, more in workers(told).items()}
        for name, more in drawing.items():
            self._run(name, ("worker",), told | more)
        self._run("bot", ("bot",), told | self._door.environment())
        if told.get(PAGE_PORT, "0") != "0":
            self._run("bot.page", ("bot.page",), told)
        if self._given.get(TRAINS, "true").strip().lower() not in NO:
            # Nobody waits for it to be ready: it draws nothing.
            self._run("trainer", ("worker", "train"), told)
        self._tell("starting the worker and the bot")
        ready = [self.supervisor.ready(name, READY_SECONDS) for name in (*drawing, "bot")]
        await asyncio.gather(*ready)

    def _run(self, name: str, module: Sequence[str], told: Mapping[str, str]) -> None:
        self.supervisor.start(Program(name, (sys.executable, "-m", *module), told))

    async def _broker_url(self) -> str:
        if url := self._given.get("REROLL_BROKER_URL"):
            return url
        broker = self._open.enter_context(embedded(self._folder.broker))
        self._open.push_async_callback(self.supervisor.stop)  # before its socket is removed
        program = Program("broker", broker.command, dict(os.environ), foundation=True)
        child = self.supervisor.start(program)
        if not await broker.answers(BROKER_SECONDS):
            raise StartFailed("broker", "it does not answer", child.log)
        return broker.url

    async def _migrate(self, told: Mapping[str, str]) -> None:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "store", "upgrade"),
            env=dict(told),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        log = self._folder.logs / "upgrade.log"
        log.write_bytes(said)
        if process.returncode != 0:
            raise StartFailed("store", "its tables could not be brought up to date", log)
