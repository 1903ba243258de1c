"""A wish made into an order: acknowledged, then paid and queued in one transaction, then shown."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

import aiohttp
import discord
import structlog
from sqlalchemy.orm import Session

from bot import answers
from bot.answers import Press
from bot.cards import order_card, remarks
from bot.cards.letters import Letter
from bot.cards.remarks import Remarks
from bot.errors import PromptDoubtful, RerollDiffers
from bot.loras import wearing
from bot.orders import confirming, polishing, ruling
from bot.servers import places
from bot.servers.standing import ELSEWHERE, payer
from bot.services import Services
from engine.errors import InputLost
from engine.request import GenerationRequest
from engine.variants.catalog import Variant
from store.choices import channels, labelling, servers
from store.choices.channels import Place
from store.choices.servers import Defaults
from store.errors import FilesUnavailable
from store.host import controls, workers
from store.host.controls import Flow
from store.line.errors import WorkerMissing
from store.line.forecast import Wait
from store.loras import shares
from store.loras.shares import Viewer
from store.moderation import sanctions
from store.money.errors import ConfirmationNeeded
from store.money.plans import Rank, Standing, micros
from store.orders import placing
from store.orders.order import Order, new_id
from store.orders.placing import Placed
from store.tables.orders import Generation
from worker.queue import BrokerUnavailable

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be drawn, which order it comes of, and what its cards remark on.

    `notes` are keys for the waiting card alone, `remarks` stay with the order. Pictures that the
    request starts from are in `uploads` by their sha256, or else lie with the parent. A price that
    the member has `confirmed`, and words that they have `vouched` for, are not asked about again;
    nor is why what is drawn again `differs`, once it is empty.
    """

    request: GenerationRequest
    parent: Generation | None = None
    notes: tuple[str, ...] = ()
    remarks: Remarks = field(default_factory=dict)
    uploads: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    confirmed: bool = False
    vouched: bool = False
    spoiler: bool = False
    polish: bool = False
    differs: str = ""


async def submit(
    services: Services, interaction: Press, wish: Callable[[], Awaitable[Wish]]
) -> bool:
    """Place the order that `wish` makes, and show its waiting card as the public answer.

    Return whether it stands, or waits for the member's word; else they have been told why.
    Raises PermissionsMissing before anything public appears.
    """
    words = services.words(interaction.locale)
    places.require_permissions(interaction)
    # First of all: Discord gives three seconds, the database may take longer.
    callback = await interaction.response.defer(thinking=True)
    message_id = callback.message_id if callback else None

    order_id = new_id()
    try:
        wished = await wish()
        if wished.differs:
            raise RerollDiffers(differs=wished.differs)
        guild_id, member = await payer(interaction, origin(wished))
        here = place_of(interaction, guild_id)
        wished = await ruling.ruled(services, here, wished)
        if wished.polish:
            # Ruled before, so that nothing forbidden is sent on, and after: it is other words now.
            wished = await ruling.ruled(services, here, await polishing.written(services, wished))
        await _bring(services, order_id, wished)
        order = order_of(services, interaction, wished, order_id, message_id, guild_id)
        placed = await services.database.run(
            place, order, services.defaults, member, here, services.now()
        )
    except (ConfirmationNeeded, PromptDoubtful, RerollDiffers) as needed:
        await _clear(services, order_id)
        await confirming.ask(services, interaction, wished, needed)
        return True
    except Exception as error:
        await _clear(services, order_id)
        await answers.withdraw(interaction, words.error(answers.expected(error)))
        return False
    if placed.id != order_id:  # the same press had come before
        await _clear(services, order_id)
    log.info("order placed", order=placed.id, variant=wished.request.variant)
    await announce(services, interaction, wished, placed)
    return True


def place(
    session: Session, order: Order, defaults: Defaults, member: Rank, here: Place, now: datetime
) -> Placed:
    """Create the order as the channel has it, with the plan that the member has now.

    Raises WorkerMissing, what the host, the moderators or the channel forbids or what
    `payments.pay` raises: nothing is charged.
    """
    flow = controls.check(session, order.user_id, order.request.variant).flow
    sanctions.check(session, order.guild_id, order.user_id)
    manner = channels.read(session, here)
    manner.check(order.request.variant)
    # As in Discord's own slow mode, those who keep order need not wait.
    if Standing.MODERATOR not in member.standings:
        channels.check_pace(session, order, manner)
    chosen = labelling.read(session, order.user_id)
    order = replace(
        order,
        spoiler=order.spoiler or manner.spoiler,
        quiet=manner.quiet,
        wordless=chosen.wordless,
        label_free=chosen.label_free_at is not None,
    )
    if order.request.loras:
        _check_loras(session, order, member)
    if order.request.variant not in workers.serving(session):
        raise WorkerMissing(variant=order.request.variant)
    server = servers.read(session, defaults, order.guild_id, now)
    placed = placing.create(session, order, server.plan(member), server.now)
    if placed.id == order.id:
        labelling.note(session, order, chosen)
    return replace(placed, paused=flow is Flow.PAUSED)


def _check_loras(session: Session, order: Order, member: Rank) -> None:
    """Raise LoraNotShared where one is gone or this member may not use it any more."""
    sha256s = [use.sha256 for use in order.request.loras]
    viewer = Viewer(order.user_id, order.guild_id, member.roles)
    shares.check(session, viewer, sha256s, wearing.names(order.remarks))
    shares.used(session, sha256s)


async def _bring(services: Services, order_id: str, wished: Wish) -> None:
    """Put what the request starts from into the order's folder: files first, then the row.

    Raises FilesUnavailable, or InputLost where the parent's file is gone.
    """
    for name in wished.request.files:
        if name in wished.uploads:
            await services.files.aput(order_id, wished.uploads[name])
        elif wished.parent is not None:
            try:
                await services.files.acopy(order_id, name, source=wished.parent.id)
            except FilesUnavailable as error:
                if isinstance(error.__cause__, FileNotFoundError):
                    raise InputLost from error
                raise


async def _clear(services: Services, order_id: str) -> None:
    with suppress(FilesUnavailable):
        await services.files.aremove(order_id)


def order_of(
    services: Services,
    interaction: Press,
    wished: Wish,
    order_id: str,
    message_id: int | None,
    guild_id: int,
) -> Order:
    """Return the order that a wish and the press it came by make, on a server's account."""
    variant = services.catalog[wished.request.variant]
    here = place_of(interaction, guild_id)
    return Order(
        id=order_id,
        interaction_id=interaction.id,
        application_id=interaction.application_id,
        guild_id=guild_id,
        channel_id=interaction.channel_id or 0,
        user_id=interaction.user.id,
        message_id=message_id,
        token=services.seals.seal(interaction.token),
        token_at=int(services.now().timestamp() * 1000),
        locale=str(interaction.locale),
        upload_limit=interaction.filesize_limit,
        request=wished.request,
        price=variant.price(wished.request),
        estimate=_estimate(variant, wished.request),
        confirmed=wished.confirmed,
        spoiler=wished.spoiler or bool(wished.parent and wished.parent.spoiler),
        parent_id=wished.parent.id if wished.parent else None,
        remarks=wished.remarks,
        place_id=here.channel_id or None,
        age_restricted=here.is_age_restricted,
    )


def origin(wished: Wish) -> int:
    """Return the server that the order came from which this one comes of."""
    return wished.parent.guild_id if wished.parent else ELSEWHERE


def place_of(interaction: Press, guild_id: int) -> Place:
    """Return where an order is placed; by a late result's buttons in the server it came from."""
    return replace(places.place(interaction), guild_id=guild_id)


def _estimate(variant: Variant, request: GenerationRequest) -> int:
    if not variant.vendor:
        return 0
    return micros(variant.vendor.usd(request.width, request.height, len(request.references)))


async def announce(
    services: Services,
    interaction: Press,
    wished: Wish,
    placed: Placed,
    message_id: int | None = None,
) -> None:
    """Show the waiting card, in the answer or in another message of ours, and send the tickets."""
    words, request = services.words(interaction.locale), wished.request

    def card(*more: str, now: Placed = placed) -> Letter:
        held = ("waiting.paused",) if now.paused else ()
        said = (words(key) for key in (*wished.notes, *held, *more))
        notes = (*said, *remarks.lines(words, wished.remarks))
        return order_card.waiting(words, request, placed.price, now, notes)

    _, queued = await asyncio.gather(
        _show(services, interaction, placed.id, card(), message_id),
        _send_tickets(services, request),
    )
    more = () if queued else ("waiting.broker_away",)
    if more:
        await _show(services, interaction, placed.id, card(*more), message_id)

    async def again(wait: Wait) -> None:
        now = replace(placed, ahead=wait.place, seconds=wait.seconds)
        await _edit(interaction, card(*more, now=now), message_id)

    services.waits.follow(placed.id, Wait(placed.ahead, placed.seconds), again)


async def _show(
    services: Services,
    interaction: Press,
    generation_id: str,
    letter: Letter,
    message_id: int | None,
) -> None:
    try:
        await services.turns.interim(generation_id, lambda: _edit(interaction, letter, message_id))
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        # The order stands; delivery finds its own way to the member. An answer that spoke of an
        # error would take the place of the card.
        log.warning("waiting card not shown", order=generation_id, error=repr(error))


async def _edit(interaction: Press, letter: Letter, message_id: int | None) -> None:
    if message_id is None:
        await interaction.edit_original_response(view=letter.view)
    else:
        await interaction.followup.edit_message(message_id, view=letter.view)


async def _send_tickets(services: Services, request: GenerationRequest) -> bool:
    try:
        await services.tickets.asend(request.variant, request.count)
    except BrokerUnavailable:
        return False
    return True
