"""The defaults that members have set, remembered. It knows no option's meaning.

They are read once for all members, so that /imagine need not wait for the database before it is
acknowledged; this process is the only one that changes them.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from store.choices import members
from store.database import Database
from store.errors import StoreUnavailable

READ_S = 2.0
"""Defaults must be known before the first answer, within Discord's three seconds."""


class Habits:
    """The defaults of every member that has any."""

    def __init__(self) -> None:
        self._known: dict[int, dict[str, Any]] | None = None
        self._reading = asyncio.Lock()

    async def load(self, database: Database) -> None:
        """Read them. Raises StoreUnavailable; then the first order reads them."""
        async with self._reading:
            if self._known is None:
                self._known = await database.read(members.defaults)

    async def of(self, database: Database, user_id: int) -> Mapping[str, Any]:
        """Return a member's defaults. Raises StoreUnavailable."""
        if self._known is None:
            try:
                async with asyncio.timeout(READ_S):
                    await self.load(database)
            except TimeoutError as error:
                raise StoreUnavailable from error
        return (self._known or {}).get(user_id, {})

    def known(self, user_id: int) -> Mapping[str, Any]:
        """Return a member's defaults as far as they have been read."""
        return (self._known or {}).get(user_id, {})

    def forget(self, user_id: int) -> None:
        """Let a member's defaults go: they are in the database no longer."""
        (self._known or {}).pop(user_id, None)

    async def change(
        self,
        database: Database,
        user_id: int,
        changes: Mapping[str, Any],
        dropped: tuple[str, ...] = (),
    ) -> Mapping[str, Any]:
        """Change some of a member's defaults and drop others; return them."""
        await self.load(database)
        async with self._reading:
            chosen = await database.run(members.set_defaults, user_id, changes, dropped)
            known = self._known or {}
            known.pop(user_id, None)
            if chosen:
                known[user_id] = chosen
            self._known = known
        return chosen
