"""Asks back before an order that would disappoint: its prompt in a language the variant lacks.

Nothing is charged before the answer. Where nobody here can do better the order goes its way, with
a remark on its card.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import discord
import structlog
from discord import ui
from sqlalchemy.orm import Session

from bot.answers import Press
from bot.cards import letters, marks, order_card
from bot.cards.letters import Letter
from bot.cards.remarks import Remarks
from bot.errors import CombinationsTooMany
from bot.i18n import Words
from bot.loras import wearing
from bot.loras.wearing import Worn
from bot.markdown import plain, quote
from bot.orders import placing, several
from bot.orders.placing import Wish
from bot.orders.questions import Question
from bot.servers import places
from bot.servers.standing import home, rank
from bot.services import Services
from bot.wishes import completing, flags, routing, wildcards
from bot.wishes.options import DIGITS, Draft, RawOptions
from bot.wishes.routing import Advice, Lack
from engine.errors import RequestRefused
from store.choices import servers
from store.errors import StoreRefused, StoreUnavailable
from store.host import workers
from store.money.plans import Plan

READ_S = 2.0
"""A question must be the first answer, within Discord's three seconds."""

PROMPT_SHOWN = 3000
"""Long enough to copy from, should the command have to be typed again."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Asked:
    raw: RawOptions
    worn: tuple[Worn, ...]


async def order(services: Services, interaction: Press, raw: RawOptions) -> None:
    """Place the order, or ask first. Raises RequestRefused or StoreUnavailable."""
    here = await places.manner(services, places.place(interaction))
    sizes, names = services.reader.size_words, flags.flag_words(services.texts)
    raw = flags.taken(raw, names, sizes)
    completed = await completing.completed(services, interaction, raw, here)
    language = services.words(interaction.locale).locale
    first, *others = wildcards.expanded(completed.raw.prompt, _seed(completed.raw))
    said = {**completed.remarks, **wildcards.remarks(completed.raw.prompt, language)}
    worn, missing = await wearing.chosen(services, interaction, raw.lora, completed.raw)
    said = {**said, **missing}
    asked = _Asked(replace(completed.raw, prompt=first), worn)
    draft = _draft(services, asked)
    draft = replace(draft, remarks={**said, **draft.remarks})
    variant = services.catalog[draft.request.variant]
    here.check(variant.name)
    if others:
        if asked.raw.polish:
            said = {**said, "unpolished": {}}
        each = [_Asked(replace(asked.raw, prompt=one), worn) for one in (first, *others)]
        await _several(services, interaction, each, said)
        return
    # Only where something is amiss: the usual order must not wait for the database.
    if routing.lacking(draft.request.prompt, variant) and not _is_translated(services, draft):
        served, plan = await _here(services, interaction)
        served = {name for name in served if here.allows(name)}
        advice = routing.advise(draft.request.prompt, variant, services.catalog, served)
        if advice and (better := _better(services, asked, advice, plan)):
            await _ask(services, interaction, advice, {"switch": better, "anyway": draft})
            return
    remarks = {**draft.remarks, **routing.remarks(draft.request.prompt, variant)}
    await placing.submit(services, interaction, _wish(services, replace(draft, remarks=remarks)))


def _is_translated(services: Services, draft: Draft) -> bool:
    """Tell whether a writer is going to put the prompt into words that the variant reads."""
    return draft.polish and services.writer is not None


async def _several(
    services: Services, interaction: Press, each: Sequence[_Asked], said: Remarks
) -> None:
    _, plan = await _here(services, interaction)
    if len(each) > plan.concurrent:
        raise CombinationsTooMany(limit=plan.concurrent)
    drafts = []
    for draft in (_draft(services, asked) for asked in each):
        variant = services.catalog[draft.request.variant]
        told = routing.remarks(draft.request.prompt, variant)
        drafts.append(replace(draft, remarks={**said, **draft.remarks, **told}))
    await several.ask(services, interaction, drafts)


def _draft(services: Services, asked: _Asked) -> Draft:
    draft = services.reader.draft(asked.raw)
    dressed = wearing.dressed(draft.request, asked.worn, services.catalog)
    return replace(draft, request=dressed.request, remarks={**draft.remarks, **dressed.remarks})


def _seed(raw: RawOptions) -> int | None:
    typed = (raw.seed or "").strip()
    return int(typed) if DIGITS.fullmatch(typed) else None


async def answered(services: Services, interaction: Press, key: str, action: str) -> None:
    """Order what the button says, once. Raises QuestionAnswered or QuestionExpired."""
    question = services.questions.take(key, services.now())
    placed = False
    try:
        placed = await placing.submit(services, interaction, question.wishes[action])
    finally:
        if not placed:
            services.questions.put_back(key, question)
    if placed:
        try:
            await question.asked.delete_original_response()
        except discord.HTTPException as error:
            log.warning("question not taken away", error=repr(error))


async def _here(services: Services, interaction: Press) -> tuple[set[str], Plan]:
    def read(session: Session) -> tuple[set[str], Plan]:
        guild_id = home(interaction)
        server = servers.read(session, services.defaults, guild_id, services.now())
        return workers.serving(session), server.plan(rank(interaction))

    try:
        async with asyncio.timeout(READ_S):
            return await services.database.run(read)
    except TimeoutError as error:
        raise StoreUnavailable from error


def _better(services: Services, asked: _Asked, advice: Advice, plan: Plan) -> Draft | None:
    def cost(draft: Draft) -> tuple[int, int]:
        variant = services.catalog[draft.request.variant]
        missing = routing.lacking(draft.request.prompt, variant)
        return len(missing), variant.price(draft.request)

    return min(_drafts(services, asked, advice, plan), key=cost, default=None)


def _drafts(services: Services, asked: _Asked, advice: Advice, plan: Plan) -> Iterator[Draft]:
    for name in advice.better:
        # Steps and guidance mean something else to every model: the other draws with its own.
        other = replace(asked.raw, variant=name, steps=None, guidance=None)
        with suppress(RequestRefused, StoreRefused):
            draft = _draft(services, _Asked(other, asked.worn))
            plan.check(draft.request, costs_money=services.catalog[name].vendor is not None)
            yield draft


async def _ask(
    services: Services, interaction: Press, advice: Advice, drafts: dict[str, Draft]
) -> None:
    wishes = {action: _wish(services, draft) for action, draft in drafts.items()}
    key = services.questions.keep(Question(interaction, services.now(), wishes))
    letter = question(services, services.words(interaction.locale), key, advice, drafts)
    await interaction.response.send_message(view=letter.view, ephemeral=True)


def question(
    services: Services, words: Words, key: str, advice: Advice, drafts: dict[str, Draft]
) -> Letter:
    """Return the card that says what the matter is, with a button for each draft."""
    prompt, other = drafts["anyway"].request.prompt, drafts["switch"].request.variant
    still = routing.lacking(prompt, services.catalog[other])
    told = {
        "variant": plain(words.name(f"variants.{advice.variant}", advice.variant)),
        "other": plain(words.name(f"variants.{other}", other)),
        "language": words.name(f"languages.{advice.language}", advice.language),
    }
    lines = [
        f"### {words('routing.title')}",
        quote(prompt, PROMPT_SHOWN),
        *(words(f"routing.{lack}", **told) for lack in sorted(advice.lacks)),
        words("routing.partly" if Lack.WRITING in still else "routing.better", **told),
        f"-# {words('routing.free')}",
    ]
    card: ui.Container[ui.LayoutView] = ui.Container(accent_colour=order_card.BUSY)
    card.add_item(ui.TextDisplay("\n".join(lines)))
    card.add_item(ui.ActionRow(*_buttons(services, words, key, drafts)))
    return Letter(letters.layout(card))


def _buttons(
    services: Services, words: Words, key: str, drafts: dict[str, Draft]
) -> Iterator[ui.Button[ui.LayoutView]]:
    for action, draft in drafts.items():
        name = draft.request.variant
        label = words(
            f"buttons.{action}",
            # A phone shows the start of a label; what follows the dot describes the model.
            variant=words.name(f"variants.{name}", name).partition(" · ")[0],
            price=services.catalog[name].price(draft.request),
        )
        styles = {"switch": discord.ButtonStyle.primary}
        yield ui.Button(
            label=label[:80],
            style=styles.get(action, discord.ButtonStyle.secondary),
            custom_id=marks.button(action, key),
        )


def _wish(services: Services, draft: Draft) -> Callable[[], Awaitable[Wish]]:
    async def wish() -> Wish:
        return Wish(
            request=draft.request,
            remarks=draft.remarks,
            spoiler=draft.spoiler,
            polish=draft.polish and services.writer is not None,
        )

    return wish
