"""Keeps child processes running: logs, readiness, restarts, a clean end; knows none of them."""

import asyncio
import contextlib
import logging
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from local.errors import CrashLoop, StartFailed
from local.log_files import log_file

READY_LINE = "REROLL READY"
LOUD = re.compile(r"\b(warning|error|critical)\b", re.IGNORECASE)
STDOUT = 1
LAST_WORDS = 2.0
"""Seconds for what a process had written before it ended."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things may take, in seconds, and how often a program may fail in a row."""

    first_delay: float = 0.5
    longest_delay: float = 30.0
    steady: float = 60.0
    failures: int = 5
    grace: float = 8.0


@dataclass(frozen=True, slots=True)
class Program:
    """One child to keep running."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    # Others lean on a foundation: it ends after them, and its warnings are for its log alone.
    foundation: bool = False


class _Process(asyncio.SubprocessProtocol):
    """Hears one process line by line, and knows when it ended.

    asyncio's own streams wait for the pipe to close, which a grandchild can hold open for ever.
    """

    def __init__(self, hear: Callable[[str], None]) -> None:
        self._hear = hear
        self._rest = b""
        self.exited = asyncio.Event()
        self.silent = asyncio.Event()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._hear(line.decode(errors="replace").rstrip())

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == STDOUT:
            self.silent.set()

    def process_exited(self) -> None:
        self.exited.set()


class Child:
    """One program and its present process."""

    def __init__(
        self, program: Program, log: Path, tell: Callable[[str], None], patience: Patience
    ) -> None:
        self.program = program
        self.log = log
        self.ready = asyncio.Event()
        self.starts = 0
        self._tell = tell
        self._patience = patience
        self._transport: asyncio.SubprocessTransport | None = None
        self._stopping = False
        self.task = asyncio.create_task(self._keep())

    @property
    def pid(self) -> int | None:
        """The process id, or None while it is down."""
        if self._transport is None or self._transport.get_returncode() is not None:
            return None
        return self._transport.get_pid()

    def kill(self) -> None:
        """End the process without warning, as a crash would."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)

    async def stop(self) -> None:
        """Ask the process to end, and after the grace end it."""
        self._stopping = True
        if self.pid is None:
            self.task.cancel()  # it sleeps between two starts
        else:
            os.kill(self.pid, signal.SIGTERM)
        if not await self._over(self._patience.grace):
            self._sweep()
            await self._over(self._patience.grace)
        if not self.task.cancelled() and self.task.done():
            self.task.exception()  # it was told already, or comes too late to matter

    async def _over(self, seconds: float) -> bool:
        done, _ = await asyncio.wait([self.task], timeout=seconds)
        return bool(done)

    async def _keep(self) -> None:
        with log_file(self.program.name, self.log, self._tell) as writer:
            failures, clock = 0, asyncio.get_running_loop().time
            while not self._stopping:
                began = clock()
                code = await self._run_once(writer)
                if self._stopping:
                    return
                failures = 1 if clock() - began > self._patience.steady else failures + 1
                if failures >= self._patience.failures:
                    raise CrashLoop(self.program.name, code, self.log)
                delay = self._patience.first_delay * 2 ** (failures - 1)
                delay = min(delay, self._patience.longest_delay)
                self._tell(f"{self.program.name} ended with {code}; again in {delay:g} s")
                await asyncio.sleep(delay)

    async def _run_once(self, writer: logging.Logger) -> int:
        self.ready.clear()
        self.starts += 1
        leash = (sys.executable, "-m", "local.leash", str(os.getpid()))
        transport, process = await asyncio.get_running_loop().subprocess_exec(
            lambda: _Process(lambda line: self._hear(line, writer)),
            *leash,
            *self.program.command,
            env=dict(self.program.environment),
            stderr=asyncio.subprocess.STDOUT,
            # Ctrl-C in a terminal goes to the whole group; the end of the children is our business.
            start_new_session=True,
        )
        self._transport = transport
        try:
            await process.exited.wait()
            self._sweep()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.silent.wait(), LAST_WORDS)
        finally:
            transport.close()
        code = transport.get_returncode()
        assert code is not None
        return code

    def _hear(self, line: str, writer: logging.Logger) -> None:
        if line == READY_LINE:
            self.ready.set()
        elif line:
            writer.info(line)
            if not self.program.foundation and LOUD.search(line):
                self._tell(f"{self.program.name}: {line}")

    def _sweep(self) -> None:
        # A child's own children share its group, and must not outlive it.
        if self._transport is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._transport.get_pid(), signal.SIGKILL)


class Supervisor:
    """Starts programs, waits for them, and ends them in their order."""

    def __init__(
        self, logs: Path, tell: Callable[[str], None], patience: Patience | None = None
    ) -> None:
        self._logs = logs
        self._tell = tell
        self._patience = patience or Patience()
        self._children: dict[str, Child] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def start(self, program: Program) -> Child:
        """Start a program and keep it running."""
        log = self._logs / f"{program.name}.log"
        child = Child(program, log, self._tell, self._patience)
        self._children[program.name] = child
        return child

    def child(self, name: str) -> Child:
        """Return a program by name."""
        return self._children[name]

    def kill(self, name: str) -> None:
        """End a program without warning; it is started again."""
        self._children[name].kill()

    async def ready(self, name: str, seconds: float) -> None:
        """Wait until a program has said that it is ready."""
        child = self._children[name]
        waiting = asyncio.create_task(child.ready.wait())
        await asyncio.wait(
            [waiting, child.task], timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        waiting.cancel()
        if child.task.done():
            await child.task
        if not child.ready.is_set():
            raise StartFailed(name, f"not ready after {seconds:g} seconds", child.log)

    async def failure(self) -> None:
        """Return only by raising, when a program keeps ending."""
        tasks = [child.task for child in self._children.values()]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        await next(iter(done))

    async def stop(self) -> None:
        """End the programs, and the foundations after those that lean on them."""
        children = list(self._children.values())
        for foundation in (False, True):
            await asyncio.gather(
                *(child.stop() for child in children if child.program.foundation is foundation)
            )
        self._children.clear()
