"""Keeps place and time true on the cards of orders that wait; what it follows ends with the bot."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import aiohttp
import discord

from bot.delivery.turns import Turns
from store.database import Database
from store.errors import StoreUnavailable
from store.line import waiting
from store.line.forecast import Wait

EVERY_S = 15.0
"""Seldom: each look costs the database some queries, each change the channel an edit."""
LOOK_S = 1.0
MOST = 500
"""Cards followed at once; with so many before it, an order's time is a guess in any case."""

Show = Callable[[Wait], Awaitable[object]]


@dataclass(slots=True)
class _Followed:
    wait: Wait
    show: Show
    due_at: float


class Waits:
    """Orders whose cards still say that they wait."""

    def __init__(self, *, every_s: float = EVERY_S) -> None:
        self._every_s = every_s
        self._followed: dict[str, _Followed] = {}

    def follow(self, generation_id: str, wait: Wait, show: Show) -> None:
        """Show the order's wait again and again until it is begun; `wait` is shown already."""
        if len(self._followed) < MOST:
            due_at = time.monotonic() + self._every_s
            self._followed[generation_id] = _Followed(wait, show, due_at)

    async def run(self, database: Database, turns: Turns) -> None:
        """Refresh for ever what is due."""
        while True:
            with suppress(StoreUnavailable):
                await self.refresh(database, turns)
            await asyncio.sleep(LOOK_S)

    async def refresh(self, database: Database, turns: Turns) -> None:
        """Refresh what is due now. Raises StoreUnavailable."""
        for generation_id, one in list(self._followed.items()):
            if one.due_at > time.monotonic():
                continue
            one.due_at = time.monotonic() + self._every_s
            if not await _shown(generation_id, one, database, turns):
                del self._followed[generation_id]


async def _shown(generation_id: str, one: _Followed, database: Database, turns: Turns) -> bool:
    """Show one order's wait if it changed; return False where there is nothing more to show."""
    waits = False

    async def edit() -> None:
        nonlocal waits
        # Read in its turn: progress that was shown before this is seen here, any other comes after.
        wait = await database.read(waiting.still, generation_id)
        waits = wait is not None
        if wait is not None and wait != one.wait:
            await one.show(wait)
            one.wait = wait

    try:
        await turns.interim(generation_id, edit)
    except (discord.DiscordException, aiohttp.ClientError, OSError):
        return False  # the token has died, or the message is gone; the result finds its way
    return waits
