"""The whole product on one machine, for tests: real processes, and the Discord on loopback."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from local import reading
from local.conversation import Conversation, Turn
from local.discord.server import TOKEN, LocalDiscord
from local.discord.world import Seat, World
from local.folder import Folder
from local.stack import Door, Stack
from store.database import Database
from store.money import ledger
from store.money.plans import Plan, Plans
from store.tables.orders import Generation


@dataclass(frozen=True)
class Studio:
    """A running product and the people in it."""

    discord: LocalDiscord
    stack: Stack
    database: Database
    logs: Path

    @property
    def world(self) -> World:
        return self.discord.world

    def seat(self, name: str) -> Seat:
        return self.world.seat(name)

    def conversation(self, name: str = "Alex", timeout: float = 60) -> Conversation:
        return Conversation(self.world, self.seat(name), timeout)

    async def say(self, text: str, name: str = "Alex") -> Turn:
        return await self.conversation(name).say(text)

    async def press(self, action: str, name: str = "Alex") -> bool:
        """Press the newest button of that kind; tell whether the message is still there."""
        seat = self.seat(name)
        message, button = next(
            (message, button)
            for message in reversed(seat.messages())
            for button in reading.buttons(message)
            if button.custom_id.startswith(f"{action}:")
        )
        await seat.click(message, button.custom_id)
        give_up_at = time.monotonic() + 3
        while (there := message in seat.messages()) and time.monotonic() < give_up_at:
            await asyncio.sleep(0.05)
        return there

    def orders(self) -> list[Generation]:
        """Return every order with its images, oldest first."""
        everything = (
            select(Generation)
            .order_by(Generation.created_at, Generation.id)
            .options(selectinload(Generation.images))
        )
        with self.database.begin() as session:
            return list(session.scalars(everything))

    def left(self, name: str = "Alex") -> int:
        """Return a member's credits."""
        with self.database.begin() as session:
            return ledger.balance(session, *self._account(name)).left

    def spend(self, name: str, leaving: int) -> None:
        """Hold a member's credits, all but so many, as orders would that nobody draws."""
        flow, plan, now = self._account(name)
        with self.database.begin() as session:
            left = ledger.balance(session, flow, plan, now).left
            ledger.hold(session, flow, plan, "spent", left - leaving, now)

    def _account(self, name: str) -> tuple[ledger.Flow, Plan, datetime]:
        flow = ledger.Flow(self.world.guild.id, self.seat(name).actor.id)
        return flow, Plans.load().least, datetime.now(UTC)


@asynccontextmanager
async def opened(folder: Path, given: dict[str, str] | None = None) -> AsyncIterator[Studio]:
    """Start everything in `folder`, with the settings `given`, and end it again."""
    # A second process with weights is for those tests that train.
    settings = {**os.environ, "REROLL_TRAINS": "false", **(given or {})}
    place = Folder(folder)
    with place.held():
        async with LocalDiscord(World()) as discord:
            door = Door(TOKEN, discord.url)
            async with Stack(place, settings, door, lambda _: None) as stack:
                database = Database(settings.get("REROLL_DATABASE_URL", place.database_url))
                try:
                    yield Studio(discord, stack, database, place.logs)
                finally:
                    database.close()
