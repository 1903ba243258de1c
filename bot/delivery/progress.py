"""Shows how far orders are: the newest state only, seldom enough for Discord's rate limits."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field

import discord
import structlog

from bot.cards import order_card
from bot.delivery.routes import Routes, is_closed
from bot.services import Services
from engine.request import GenerationRequest
from store.errors import FilesUnavailable, Gone, StoreUnavailable
from store.orders import generations
from store.tables.orders import Generation
from worker.events import Progress

FIRST_S = 1.0
"""Orders that end sooner are not worth an edit."""
EVERY_S = 3.0
CHANNEL_S = 2.0
"""By the bot's own token all edits in a channel share one limit, about one a second."""

MOST_CLOSED = 1_000
"""Orders remembered whose message cannot be edited."""

log = structlog.get_logger()


@dataclass(slots=True)
class _Order:
    latest: Progress
    task: asyncio.Task[None] | None = None
    shares: dict[int, float] = field(default_factory=dict)
    is_new: bool = True
    preview: bool = False

    def take(self, event: Progress) -> None:
        self.latest, self.is_new = event, True
        self.shares[event.index] = event.step / event.steps
        self.preview = self.preview or event.preview


class ProgressBoard:
    """Follows the orders that workers report on."""

    def __init__(
        self,
        services: Services,
        routes: Routes,
        *,
        first_s: float = FIRST_S,
        every_s: float = EVERY_S,
    ) -> None:
        self._services = services
        self._routes = routes
        self._first_s = first_s
        self._every_s = every_s
        self._orders: dict[str, _Order] = {}
        self._channel_free_at: dict[int, float] = {}
        self._closed: dict[str, None] = {}

    def push(self, event: Progress) -> None:
        """Take a worker's report; it is shown when its turn comes, or a newer one is."""
        if self._services.turns.ended(event.generation_id) or event.generation_id in self._closed:
            return
        known = self._orders.get(event.generation_id)
        order = known or _Order(event)
        order.take(event)
        if known is None:
            self._orders[event.generation_id] = order
            order.task = asyncio.create_task(self._follow(event.generation_id, order))

    def close(self) -> None:
        """Stop following; nothing is lost but a percentage."""
        for order in self._orders.values():
            if order.task:
                order.task.cancel()

    async def _follow(self, generation_id: str, order: _Order) -> None:
        try:
            await asyncio.sleep(self._first_s)
            if self._services.turns.ended(generation_id):
                return
            while order.is_new:
                order.is_new = False
                generation = await self._services.database.read(generations.get, generation_id)
                if generation.status != "open" or generation.cancel_requested or generation.quiet:
                    return
                await self._wait_for_channel(generation)
                if not await self._show(generation, order):
                    return
                await asyncio.sleep(self._every_s)
        except (Gone, StoreUnavailable, discord.DiscordException) as error:
            if isinstance(error, discord.HTTPException) and is_closed(error):
                self._close(generation_id)
            log.debug("progress not shown", order=generation_id, error=repr(error))
        except Exception:
            log.exception("progress failed", order=generation_id)
        finally:
            del self._orders[generation_id]

    def _close(self, generation_id: str) -> None:
        """Show no more of an order: who asks too often where they may not is shut out."""
        self._closed[generation_id] = None
        if len(self._closed) > MOST_CLOSED:
            del self._closed[next(iter(self._closed))]

    async def _show(self, generation: Generation, order: _Order) -> bool:
        request = GenerationRequest.from_json(generation.request)
        done = {image.index: 1.0 for image in generation.images if image.status == "done"}
        percent = int(100 * sum((done | order.shares).values()) / request.count)
        letter = order_card.drawing(
            self._services.words(generation.locale),
            generation.id,
            request,
            order.latest.index + 1,
            min(percent, 100),
            await self._preview(generation.id) if order.preview else None,
            spoiler=bool(generation.spoiler),
        )
        return await self._services.turns.interim(
            generation.id, lambda: self._routes.edit(generation, letter)
        )

    async def _preview(self, generation_id: str) -> bytes | None:
        with suppress(FilesUnavailable):
            return await self._services.files.aget_preview(generation_id)
        return None

    async def _wait_for_channel(self, generation: Generation) -> None:
        if self._routes.token_lives(generation):
            return  # a token has a limit of its own
        now = time.monotonic()
        free_at = max(now, self._channel_free_at.get(generation.channel_id, now))
        self._channel_free_at[generation.channel_id] = free_at + CHANNEL_S
        await asyncio.sleep(free_at - now)
