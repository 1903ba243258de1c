"""Asks back before an order that would disappoint: its prompt in a language the variant lacks.

Nothing is charged before the answer. Where nobody here can do better the order goes its way, with
a remark on its card.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import discord
import structlog
from sqlalchemy.orm import Session

from bot.answers import Press
from bot.cards import question_card
from bot.cards.question_card import Doubt
from bot.cards.remarks import Remarks
from bot.errors import CombinationsTooMany
from bot.i18n import Words
from bot.loras import wearing
from bot.loras.wearing import Worn
from bot.markdown import plain
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
from store.choices.channels import Manner
from store.errors import StoreRefused, StoreUnavailable
from store.host import workers
from store.money.plans import Plan

READ_S = 2.0
"""A question must be the first answer, within Discord's three seconds."""

UNREAD_SHOWN = 200

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Asked:
    raw: RawOptions
    worn: tuple[Worn, ...]


@dataclass(frozen=True, slots=True)
class _Read:
    """What a command asks for, a prompt each, and what the cards say of how it was read."""

    each: tuple[_Asked, ...]
    said: Remarks


async def order(services: Services, interaction: Press, raw: RawOptions) -> None:
    """Place the order, or ask first. Raises RequestRefused or StoreUnavailable."""
    words = services.words(interaction.locale)
    here = await places.manner(services, places.place(interaction))
    names = flags.flag_words(services.texts)
    taken = flags.taken(raw, names, services.reader.size_words)
    read = await _read(services, interaction, taken.raw, here)
    draft = _first(services, read)
    variant = services.catalog[draft.request.variant]
    here.check(variant.name)
    if len(read.each) > 1:
        await _several(services, interaction, read, taken.unread)
        return
    if taken.unread:
        whole = _first(services, await _read(services, interaction, taken.whole, here))
        both = {"switch": _remarked(services, draft), "anyway": _remarked(services, whole)}
        await _ask(services, interaction, both, _of_flags(services, words, taken.unread, both))
        return
    # Only where something is amiss: the usual order must not wait for the database.
    if routing.lacking(draft.request.prompt, variant) and not _is_translated(services, draft):
        served, plan = await _here(services, interaction)
        served = {name for name in served if here.allows(name)}
        advice = routing.advise(draft.request.prompt, variant, services.catalog, served)
        if advice and (better := _better(services, read.each[0], advice, plan)):
            drafts = {"switch": better, "anyway": draft}
            await _ask(services, interaction, drafts, _of_words(services, words, advice, drafts))
            return
    wished = _wish(services, _remarked(services, draft))
    await placing.submit(services, interaction, wished)


async def _read(services: Services, interaction: Press, raw: RawOptions, here: Manner) -> _Read:
    completed = await completing.completed(services, interaction, raw, here)
    prompt, language = completed.raw.prompt, services.words(interaction.locale).locale
    said = {**completed.remarks, **wildcards.remarks(prompt, language)}
    worn, missing = await wearing.chosen(services, interaction, raw.lora, completed.raw)
    prompts = wildcards.expanded(prompt, _seed(completed.raw))
    each = tuple(_Asked(replace(completed.raw, prompt=one), worn) for one in prompts)
    return _Read(each, {**said, **missing})


def _first(services: Services, read: _Read) -> Draft:
    draft = _draft(services, read.each[0])
    return replace(draft, remarks={**read.said, **draft.remarks})


def _remarked(services: Services, draft: Draft) -> Draft:
    """Return the draft with what is said of a prompt that its variant cannot read or write."""
    told = routing.remarks(draft.request.prompt, services.catalog[draft.request.variant])
    return replace(draft, remarks={**draft.remarks, **told})


def _is_translated(services: Services, draft: Draft) -> bool:
    """Tell whether a writer is going to put the prompt into words that the variant reads."""
    return draft.polish and services.writer is not None


async def _several(services: Services, interaction: Press, read: _Read, unread: str) -> None:
    _, plan = await _here(services, interaction)
    if len(read.each) > plan.concurrent:
        raise CombinationsTooMany(limit=plan.concurrent)
    said: dict[str, Mapping[str, str | int]] = {**read.said}
    if unread:
        said["unread"] = {"flags": unread}
    if read.each[0].raw.polish:
        said["unpolished"] = {}
    drafts = [_remarked(services, _draft(services, asked)) for asked in read.each]
    told = [replace(draft, remarks={**said, **draft.remarks}) for draft in drafts]
    await several.ask(services, interaction, told)


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
            return await services.database.read(read)
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
    services: Services, interaction: Press, drafts: Mapping[str, Draft], doubt: Doubt
) -> None:
    wishes = {action: _wish(services, draft) for action, draft in drafts.items()}
    key = services.questions.keep(Question(interaction, services.now(), wishes))
    letter = question_card.card(services.words(interaction.locale), key, doubt)
    await interaction.response.send_message(view=letter.view, ephemeral=True)


def _of_flags(services: Services, words: Words, unread: str, drafts: Mapping[str, Draft]) -> Doubt:
    """Say what nobody understands behind a prompt, and what would be understood."""
    request = drafts["switch"].request
    known = flags.examples(words, services.catalog[request.variant])
    return Doubt(
        prompt=drafts["anyway"].request.prompt,
        lines=(
            words("routing.unread", flags=plain(unread, UNREAD_SHOWN)),
            words("routing.flags", known=known),
        ),
        labels={
            "switch": _label(services, words, "without", drafts["switch"]),
            "anyway": _label(services, words, "whole", drafts["anyway"]),
        },
    )


def _of_words(
    services: Services, words: Words, advice: Advice, drafts: Mapping[str, Draft]
) -> Doubt:
    """Say what a variant lacks for a prompt, and which one has it."""
    prompt, other = drafts["anyway"].request.prompt, drafts["switch"].request.variant
    still = routing.lacking(prompt, services.catalog[other])
    told = {
        "variant": plain(words.name(f"variants.{advice.variant}", advice.variant)),
        "other": plain(words.name(f"variants.{other}", other)),
        "language": words.name(f"languages.{advice.language}", advice.language),
    }
    lines = (
        *(words(f"routing.{lack}", **told) for lack in sorted(advice.lacks)),
        words("routing.partly" if Lack.WRITING in still else "routing.better", **told),
    )
    labels = {action: _label(services, words, action, draft) for action, draft in drafts.items()}
    return Doubt(prompt=prompt, lines=lines, labels=labels)


def _label(services: Services, words: Words, key: str, draft: Draft) -> str:
    name = draft.request.variant
    return words(
        f"buttons.{key}",
        # A phone shows the start of a label; what follows the dot describes the model.
        variant=words.short(f"variants.{name}", name),
        price=services.catalog[name].price(draft.request),
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
