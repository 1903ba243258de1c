"""A wish made into an order: acknowledged, then paid and queued in one transaction, then shown."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import discord
import structlog
from sqlalchemy.orm import Session

from bot import answers, cards
from bot.answers import Press
from bot.letters import Letter
from bot.services import Services
from engine.request import GenerationRequest
from store import generations, workers
from store.errors import WorkerMissing
from store.generations import Order, Placed
from store.plans import Plan
from store.tables import Generation
from worker.queue import BrokerUnavailable

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be drawn, which order it repeats, and keys of remarks for the waiting card."""

    request: GenerationRequest
    parent: Generation | None = None
    notes: tuple[str, ...] = ()


async def submit(services: Services, interaction: Press, wish: Callable[[Session], Wish]) -> None:
    """Place the order that `wish` reads, and show its waiting card as the public answer."""
    words = services.words(interaction.locale)
    # First of all: Discord gives three seconds, the database may take longer.
    callback = await interaction.response.defer(thinking=True)
    message_id = callback.message_id if callback else None

    def order(wished: Wish) -> Order:
        return _order(services, interaction, wished, message_id)

    try:
        wished, placed = await services.database.run(
            place, wish, order, services.plan, services.now()
        )
    except Exception as error:
        await answers.withdraw(interaction, words.error(answers.expected(error)))
        return
    log.info("order placed", generation=placed.id, variant=wished.request.variant)
    await _announce(services, interaction, wished, placed)


def place(
    session: Session,
    wish: Callable[[Session], Wish],
    order: Callable[[Wish], Order],
    plan: Plan,
    now: datetime,
) -> tuple[Wish, Placed]:
    """Create the order. Raises RequestRefused, Gone, WorkerMissing or CreditsSpent: no charge."""
    wished = wish(session)
    if wished.request.variant not in workers.serving(session):
        raise WorkerMissing(variant=wished.request.variant)
    return wished, generations.create(session, order(wished), plan, now)


def _order(services: Services, interaction: Press, wished: Wish, message_id: int | None) -> Order:
    # A late result comes by direct message; its buttons still spend the server's credits.
    guild_id = interaction.guild_id or (wished.parent.guild_id if wished.parent else 0)
    return Order(
        interaction_id=interaction.id,
        application_id=interaction.application_id,
        guild_id=guild_id,
        channel_id=interaction.channel_id or 0,
        user_id=interaction.user.id,
        message_id=message_id,
        token=interaction.token,
        token_at=int(services.now().timestamp() * 1000),
        locale=str(interaction.locale),
        upload_limit=interaction.filesize_limit,
        request=wished.request,
        price=services.catalog[wished.request.variant].price(wished.request),
        parent_id=wished.parent.id if wished.parent else None,
    )


async def _announce(services: Services, interaction: Press, wished: Wish, placed: Placed) -> None:
    words, request = services.words(interaction.locale), wished.request
    price = services.catalog[request.variant].price(request)

    def card(*more: str) -> Letter:
        notes = tuple(words(key) for key in (*wished.notes, *more))
        return cards.waiting(words, request, price, placed, notes)

    _, queued = await asyncio.gather(
        _show(services, interaction, placed.id, card()), _send_tickets(services, request)
    )
    if not queued:
        await _show(services, interaction, placed.id, card("waiting.broker_away"))


async def _show(services: Services, interaction: Press, generation_id: str, letter: Letter) -> None:
    try:
        await services.turns.interim(
            generation_id, lambda: interaction.edit_original_response(view=letter.view)
        )
    except discord.HTTPException as error:
        # The order stands; delivery finds its own way to the member.
        log.warning("waiting card not shown", generation=generation_id, error=repr(error))


async def _send_tickets(services: Services, request: GenerationRequest) -> bool:
    try:
        for _ in range(request.count):
            await services.tickets.asend(request.variant)
    except BrokerUnavailable:
        return False
    return True
