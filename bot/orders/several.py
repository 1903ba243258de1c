"""A command whose prompt stands for several: asked about once, then placed all together or not.

Each prompt is an order of its own, with its own card, its price and its buttons, so that each can
be drawn again, cancelled and refunded as any other.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import discord
import structlog
from discord import ui
from sqlalchemy.orm import Session

from bot import answers
from bot.answers import Press
from bot.cards import drafted, letters, marks, order_card, settings_card
from bot.cards.letters import Letter
from bot.errors import PromptDoubtful
from bot.i18n import Words
from bot.markdown import quote
from bot.orders import placing, ruling
from bot.orders.placing import Wish
from bot.orders.questions import Question
from bot.servers import places
from bot.servers.standing import home, rank
from bot.services import Services
from bot.wishes.options import Draft
from store.choices.channels import Place
from store.choices.servers import Defaults
from store.errors import StoreUnavailable
from store.money.plans import Rank
from store.orders.order import Order, new_id
from store.orders.placing import Placed

PROMPT_SHOWN = 300
PROMPTS_SHOWN = 2000
"""Of all together, so that the price stands on the same screen."""
TOLD_SHOWN = 1500
"""Of what is remarked on: with the prompts it stays below Discord's 4000 characters."""
READ_S = 2.0
"""A question must be the first answer, within Discord's three seconds."""

log = structlog.get_logger()


async def ask(services: Services, interaction: Press, drafts: Sequence[Draft]) -> None:
    """Show the member alone what would be drawn and what it costs; nothing is charged yet.

    Raises what `ruling.ruled` raises of words that are not drawn, and StoreUnavailable.
    """
    doubts = await _doubts(services, interaction, drafts)
    wishes = {str(nth): _wish(draft) for nth, draft in enumerate(drafts)}
    key = services.questions.keep(Question(interaction, services.now(), wishes))
    price = sum(services.catalog[one.request.variant].price(one.request) for one in drafts)
    words = services.words(interaction.locale)
    letter = _question(words, key, drafts, price, [*_told(services, words, drafts, doubts)])
    await interaction.response.send_message(view=letter.view, ephemeral=True)


async def _doubts(
    services: Services, interaction: Press, drafts: Sequence[Draft]
) -> list[PromptDoubtful]:
    here, found = placing.place_of(interaction, home(interaction)), []
    try:
        async with asyncio.timeout(READ_S):
            for draft in drafts:
                try:
                    await ruling.ruled(services, here, Wish(request=draft.request))
                except PromptDoubtful as doubt:
                    found.append(doubt)
    except TimeoutError as error:
        raise StoreUnavailable from error
    return found


async def answered(services: Services, interaction: Press, key: str) -> None:
    """Order all that was asked about, once. Raises QuestionAnswered or QuestionExpired."""
    question = services.questions.take(key, services.now())
    placed = False
    try:
        wishes = [await wish() for wish in question.wishes.values()]
        placed = await submit(services, interaction, wishes)
    finally:
        if not placed:
            services.questions.put_back(key, question)
    if placed:
        with suppress(discord.HTTPException):
            await question.asked.delete_original_response()


async def submit(services: Services, interaction: Press, wishes: Sequence[Wish]) -> bool:
    """Place all orders in one transaction, each with a message of its own.

    Return whether they stand; else none does, and the member has been told why.
    """
    places.require_permissions(interaction)
    await interaction.response.defer(thinking=True)
    messages: list[int] = []
    try:
        here = placing.place_of(interaction, home(interaction))
        wishes = [await ruling.ruled(services, here, wished) for wished in wishes]
        await _begin_messages(interaction, len(wishes), messages)
        wanted = _orders(services, interaction, wishes, messages)
        placed = await services.database.run(
            place_all, wanted, services.defaults, rank(interaction), here, services.now()
        )
    except Exception as error:
        for message_id in messages[1:]:
            with suppress(discord.HTTPException):
                await interaction.followup.delete_message(message_id)
        words = services.words(interaction.locale)
        await answers.withdraw(interaction, words.error(answers.expected(error)))
        return False
    for one, wished, message_id in zip(placed, wishes, messages, strict=True):
        log.info("order placed", order=one.id, variant=wished.request.variant)
        await placing.announce(services, interaction, wished, one, message_id)
    return True


def place_all(
    session: Session,
    wanted: Sequence[Order],
    defaults: Defaults,
    member: Rank,
    here: Place,
    now: datetime,
) -> list[Placed]:
    """Create all orders. Raises what `placing.place` raises; then none is created."""
    return [placing.place(session, order, defaults, member, here, now) for order in wanted]


async def _begin_messages(interaction: Press, count: int, made: list[int]) -> None:
    """Put the ids of so many new messages into `made`; where one fails, it has those before."""
    # The answer must hold something before what follows is a message of its own.
    first = await interaction.edit_original_response(view=order_card.notice("…").view)
    made.append(first.id)
    for _ in range(count - 1):
        more = await interaction.followup.send(view=order_card.notice("…").view, wait=True)
        made.append(more.id)


def _orders(
    services: Services, interaction: Press, wishes: Sequence[Wish], messages: Sequence[int]
) -> list[Order]:
    made = []
    for nth, (wished, message_id) in enumerate(zip(wishes, messages, strict=True)):
        one = placing.order_of(
            services, interaction, wished, new_id(), message_id, home(interaction)
        )
        # The total was shown; and a repeated press must find each order again.
        made.append(replace(one, interaction_id=_part(interaction.id, nth), confirmed=True))
    return made


def _part(interaction_id: int, nth: int) -> int:
    """Return the id of a part of an interaction: the first has its own, the others negative ones.

    Hashed, since neighbours of Discord's ids are Discord's too.
    """
    if nth == 0:
        return interaction_id
    digest = hashlib.sha256(f"{interaction_id}/{nth}".encode()).digest()
    return -1 - (int.from_bytes(digest[:8]) >> 1)


def _told(
    services: Services, words: Words, drafts: Sequence[Draft], doubts: Sequence[PromptDoubtful]
) -> Iterator[str]:
    """Yield what all drafts have in common, what is remarked on any, and what rules doubt."""
    first, *others = drafts
    variant = services.catalog[first.request.variant]
    # Seeds at random differ: those that do not were typed.
    seeded = variant.seeds and all(one.request.seeds == first.request.seeds for one in others)
    told = (drafted.lines(words, variant, one, seeded=seeded) for one in drafts)
    yield from dict.fromkeys(line for lines in told for line in lines)
    yield from dict.fromkeys(words.error(doubt) for doubt in doubts)


def _question(
    words: Words, key: str, drafts: Sequence[Draft], price: int, told: Sequence[str]
) -> Letter:
    count = len(drafts)
    pictures = sum(one.request.count for one in drafts)
    shown = min(PROMPT_SHOWN, PROMPTS_SHOWN // count)
    lines = [
        words("several.title", count=count),
        *(quote(one.request.prompt, shown) for one in drafts),
        settings_card.fitted(told, TOLD_SHOWN),
        words("several.price", price=price, pictures=pictures),
        f"-# {words('routing.free')}",
    ]
    card: ui.Container[ui.LayoutView] = ui.Container(accent_colour=order_card.BUSY)
    card.add_item(ui.TextDisplay("\n".join(lines)))
    button: ui.Button[ui.LayoutView] = ui.Button(
        label=words("buttons.all", count=count, price=price),
        style=discord.ButtonStyle.primary,
        custom_id=marks.button("all", key),
    )
    card.add_item(ui.ActionRow(button))
    return Letter(letters.layout(card))


def _wish(draft: Draft) -> Callable[[], Awaitable[Wish]]:
    async def wish() -> Wish:
        # What a rule doubts was said in the question.
        return Wish(
            request=draft.request, remarks=draft.remarks, spoiler=draft.spoiler, vouched=True
        )

    return wish
