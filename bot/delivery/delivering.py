"""Shows what has ended, by what SQL says; knows no worker, and forgets nothing at a restart."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

import structlog
from sqlalchemy.orm import Session

from bot.cards import result_card
from bot.cards.letters import Letter
from bot.cards.result_card import Result
from bot.delivery import held, hints, pictures, reruns
from bot.delivery.hints import Hint
from bot.delivery.routes import Routes
from bot.loras import previews
from bot.services import Services
from engine.errors import VariantUnknown
from store.choices import servers
from store.errors import FilesUnavailable, Gone, StoreUnavailable
from store.moderation import reports
from store.money import ledger
from store.money.ledger import Balance, Flow
from store.orders import deliveries, generations
from store.outages import Outages
from store.tables.orders import Generation

AT_ONCE = 8
POLL_S = 1.0
PATIENCE_S = 60.0
"""One delivery, uploads and rate limits included; a hanging one is tried again."""
LAST_S = 3.0
AWAY_S = 5.0
"""Between two tries to write that an order was shown."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Facts:
    """The order as it is now, and what the card tells beyond it."""

    generation: Generation
    balance: Balance
    parent: Generation | None
    hint: Hint | None
    has_hearts: bool
    takes_reports: bool
    is_reported: bool


def facts(session: Session, generation_id: str, services: Services) -> Facts | None:
    """Read the order, the member's credits, the order that this one repeats, and what to hint at.

    None where it was deleted or delivered since it was found due.
    """
    with suppress(Gone):
        generation = generations.get(session, generation_id)
        if generation.delivered_at is None:
            return _facts(session, generation, services)
    return None


async def letter(services: Services, generation_id: str, upload_limit: int) -> Letter:
    """Return the card of an ended order as it is now. Raises Gone or FilesUnavailable."""

    def read(session: Session) -> Facts:
        return _facts(session, generations.get(session, generation_id), services)

    return await _letter(services, await services.database.read(read), upload_limit)


def _facts(session: Session, generation: Generation, services: Services) -> Facts:
    flow = Flow(generation.guild_id, generation.user_id)
    parent = None
    if generation.parent_id:
        with suppress(Gone):
            parent = generations.get(session, generation.parent_id)
    server = servers.read(session, services.defaults, flow.guild_id, services.now())
    balance = ledger.balance(session, flow, server.named(generation.plan), server.now)
    hint = hints.find(session, generation, services.catalog)
    has_hearts = server.showcase_channel_id is not None
    takes_reports = server.reports_channel_id is not None
    is_reported = reports.is_reported(session, generation.id)
    return Facts(generation, balance, parent, hint, has_hearts, takes_reports, is_reported)


class Delivery:
    """Delivers each ended order once at a time, several orders side by side."""

    def __init__(self, services: Services, routes: Routes, *, away_s: float = AWAY_S) -> None:
        self._services, self._away_s = services, away_s
        self._routes = routes
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._shown: dict[str, tuple[Generation, int | None]] = {}
        """What was shown of orders, and in which message, until the database has been told: one
        without room is told later, and the order shown once."""
        self._outages = Outages()

    async def run(self) -> None:
        """Deliver for ever: at the bell, and by looking once a second."""
        try:
            while True:
                self._services.bell.clear()
                # The sweeper says when the database goes away and returns.
                with suppress(StoreUnavailable):
                    await self._start_due()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._services.bell.wait(), POLL_S)
        finally:
            # Told to stop: what is being sent is seen through, the rest waits for the next start.
            await self._finish(LAST_S)

    async def deliver_due(self) -> None:
        """Deliver what is due now, and return when it has been tried."""
        await self._start_due()
        await self._finish(PATIENCE_S)

    async def _finish(self, patience_s: float) -> None:
        if self._busy:
            await asyncio.wait(list(self._busy.values()), timeout=patience_s)

    async def _start_due(self) -> None:
        if len(self._busy) >= 2 * AT_ONCE:
            return  # Discord is slow; what is due stays due
        limit = 2 * AT_ONCE + len(self._busy)
        for generation in await self._services.database.read(deliveries.due, limit=limit):
            if generation.id not in self._busy:
                task = asyncio.create_task(self._deliver(generation))
                self._busy[generation.id] = task

    async def _deliver(self, generation: Generation) -> None:
        try:
            async with self._slots:
                await self._attempt(generation)
        except StoreUnavailable as error:
            # The sweeper only hears of it where nothing can be read either.
            self._outages.began("database, writing", error)
            await asyncio.sleep(self._away_s)
        except Exception:
            log.exception("delivery failed", order=generation.id)
        finally:
            del self._busy[generation.id]

    async def _attempt(self, generation: Generation) -> None:
        services, database = self._services, self._services.database
        try:
            known = await database.read(facts, generation.id, services)
            if known is None:
                self._shown.pop(generation.id, None)
                return
            if generation.id not in self._shown:
                async with asyncio.timeout(PATIENCE_S):
                    self._shown[generation.id] = known.generation, await self._show(known)
        except StoreUnavailable:
            raise
        except Gone:  # deleted in the meantime, and its message with it
            return
        except Exception as error:
            tries_again = await database.run(deliveries.postpone, generation)
            log.warning(
                "delivery postponed" if tries_again else "delivery given up",
                order=generation.id,
                error=repr(error),
                exc_info=None if isinstance(error, FilesUnavailable) else error,
            )
            return
        shown, message_id = self._shown[generation.id]
        is_last = await database.run(deliveries.delivered, shown, message_id)
        del self._shown[generation.id]
        self._outages.ended("database, writing")
        if not is_last:
            return  # it is shown anew
        await previews.keep(services, known.generation)
        await held.tell(services, self._routes.client, known.generation)
        log.info("delivered", order=generation.id, seen=message_id is not None)

    async def _show(self, known: Facts) -> int | None:
        generation_id = known.generation.id
        await self._services.turns.end(generation_id)
        is_second = False

        async def compose(upload_limit: int) -> Letter:
            nonlocal is_second
            if is_second:
                # Its message may be gone because the order is: then none takes its place.
                await self._services.database.read(generations.get, generation_id)
            is_second = True
            return await _letter(self._services, known, upload_limit)

        return await self._routes.deliver(known.generation, compose, anew=not known.is_reported)


async def _letter(services: Services, known: Facts, upload_limit: int) -> Letter:
    generation = known.generation
    fetched = await pictures.fetch(services, generation, upload_limit)
    variant = None
    with suppress(VariantUnknown):
        variant = services.catalog[generation.variant]
    result = Result(
        generation=generation,
        fetched=fetched,
        variant=variant,
        balance=known.balance,
        comparison=reruns.compare(generation, known.parent),
        hint=known.hint,
        has_hearts=known.has_hearts,
        takes_reports=known.takes_reports,
    )
    return result_card.ended(services.words(generation.locale), result)
