"""Sees to it that one process alone answers for an application; another waits until it is gone."""

import asyncio
import os
import socket
from collections.abc import Callable

import structlog

from bot.services import Services
from store.errors import StoreUnavailable
from store.host import bots

BEAT_S = 3.0

log = structlog.get_logger()


class Standby:
    """One process's turn to answer for an application."""

    def __init__(
        self, services: Services, application_id: int, *, name: str = "", beat_s: float = BEAT_S
    ) -> None:
        self._services, self._application_id, self._beat_s = services, application_id, beat_s
        self.name = name or f"{socket.gethostname()}:{os.getpid()}"

    async def wait(self) -> None:
        """Return when it is this process's turn; a database that is away cannot say otherwise."""
        told = False
        while (other := await self._take()) is not None:
            if not told:
                log.warning(
                    "another bot answers with this token; waiting for it to end", other=other
                )
                told = True
            await asyncio.sleep(self._beat_s)

    async def run(self, end: Callable[[], object]) -> None:
        """Go on saying that this process is there; `end` it once another has taken over."""
        while True:
            await asyncio.sleep(self._beat_s)
            if (other := await self._take()) is not None:
                log.error("another bot answers with this token now; ending", other=other)
                end()
                return

    async def leave(self) -> None:
        """Let the next one answer at once."""
        try:
            await self._services.database.run(bots.leave, self._application_id, self.name)
        except StoreUnavailable:
            log.warning("left without a word: the database is away")

    async def _take(self) -> str | None:
        """Return who has the turn instead; None where it is ours, or nobody can say."""
        run = self._services.database.run
        try:
            other = await run(bots.take, self._application_id, self.name)
            if other is None or not _is_dead(other):
                return other
            await run(bots.leave, self._application_id, other)
            return await run(bots.take, self._application_id, self.name)
        except StoreUnavailable:
            return None


def _is_dead(other: str) -> bool:
    """Tell whether the other was on this machine and is no more: nobody need wait for it."""
    host, _, pid = other.rpartition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False
