"""Hearts under results, and the channel where those with enough of them are shown.

A picture of an age-restricted channel, or of one that nobody can tell, is shown in another such
channel only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import discord
import structlog
from discord import ui
from sqlalchemy.orm import Session

from bot.answers import Press
from bot.cards import letters, marks, order_card, result_card
from bot.cards.letters import Letter
from bot.delivery import pictures
from bot.delivery.pictures import Fetched
from bot.delivery.routes import BOT_UPLOAD_LIMIT
from bot.i18n import Words
from bot.markdown import quote
from bot.presses import removal
from bot.servers.standing import home, moderates
from bot.services import Services
from engine.request import GenerationRequest
from store.choices import servers
from store.choices.servers import Defaults
from store.errors import FilesUnavailable, HeartForOwn, NotYours
from store.moderation import audit
from store.orders import generations
from store.pictures import showcase
from store.tables.orders import Generation

log = structlog.get_logger()

Fits = Callable[[Generation, int], bool]
"""Tells whether an order may be shown in a channel."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a press: the key of its text, the numbers in it, and what is to be hung."""

    key: str
    count: int
    votes: int
    channel_id: int
    hanging: Generation | None = None


async def heart(services: Services, interaction: Press, generation_id: str) -> None:
    """Give or take back the member's heart; hang what now has enough. Raises Gone."""
    await interaction.response.defer(ephemeral=True, thinking=True)
    words = services.words(interaction.locale)
    guild_id, user_id = home(interaction), interaction.user.id

    def fits(generation: Generation, channel_id: int) -> bool:
        return _fits(interaction.client, generation, channel_id)

    try:
        outcome = await services.database.run(
            press, services.defaults, generation_id, guild_id, user_id, services.now(), fits
        )
    except HeartForOwn:
        shy = await services.database.read(showcase.is_shy, guild_id, user_id)
        await interaction.edit_original_response(view=_own(words, shy=shy).view)
        return
    key = outcome.key
    if outcome.hanging is not None and not await _hang(services, interaction, outcome):
        key = "failed"
    said = words(
        f"showcase.{key}",
        count=outcome.count,
        votes=outcome.votes,
        channel=outcome.channel_id,
    )
    await interaction.edit_original_response(view=_said(said).view)


def press(
    session: Session,
    defaults: Defaults,
    generation_id: str,
    guild_id: int,
    user_id: int,
    now: datetime,
    fits: Fits,
) -> Outcome:
    """Count a press, and take on the hanging where it is due. Raises Gone or HeartForOwn."""
    hearts = showcase.toggle(session, generation_id, guild_id, user_id)
    generation, server = hearts.generation, servers.read(session, defaults, guild_id, now)
    channel_id, votes = server.showcase_channel_id, server.showcase_votes

    def outcome(key: str, hanging: Generation | None = None) -> Outcome:
        return Outcome(key, hearts.count, votes, channel_id or 0, hanging)

    if channel_id is None:
        return outcome("off")
    if not hearts.is_given:
        return outcome("taken")
    if hearts.count < votes or showcase.exhibit(session, generation_id):
        return outcome("given")
    if not fits(generation, channel_id):
        return outcome("restricted")
    if showcase.reserve(session, generation, channel_id):
        return outcome("hung", generation)
    return outcome("kept_out")


async def unshow(services: Services, interaction: Press, generation_id: str) -> None:
    """Take an order down: for its member with all to come, for a moderator alone.

    Raises Gone or NotYours.
    """
    await interaction.response.defer(ephemeral=True, thinking=True)
    guild_id, user_id = home(interaction), interaction.user.id
    is_moderator = moderates(interaction)

    def down(session: Session) -> tuple[bool, tuple[int, int] | None]:
        generation = generations.get(session, generation_id)
        is_own = generation.user_id == user_id
        if generation.guild_id != guild_id or not (is_own or is_moderator):
            raise NotYours
        if is_own:
            showcase.set_shy(session, guild_id, user_id, True)
        else:
            audit.record(
                session,
                guild_id,
                user_id,
                "unshow",
                target_id=generation.user_id,
                generation_id=generation_id,
            )
        return is_own, showcase.take_down(session, generation_id)

    is_own, shown = await services.database.run(down)
    if shown is not None:
        await removal.delete_shown(interaction, *shown)
    words = services.words(interaction.locale)
    letter = _own(words, shy=True) if is_own else _said(words("showcase.down"))
    await interaction.edit_original_response(view=letter.view)


async def set_shy(services: Services, interaction: Press, *, shy: bool) -> None:
    """Choose whether the member's pictures may be shown, and say so where it was pressed."""
    await interaction.response.defer()
    guild_id, user_id = home(interaction), interaction.user.id
    await services.database.run(showcase.set_shy, guild_id, user_id, shy)
    letter = _own(services.words(interaction.locale), shy=shy)
    await interaction.edit_original_response(view=letter.view)


async def _hang(services: Services, interaction: Press, outcome: Outcome) -> bool:
    generation = outcome.hanging
    assert generation is not None
    words = services.words(interaction.guild_locale)
    channel = interaction.client.get_partial_messageable(outcome.channel_id)
    try:
        fetched = await pictures.fetch(services, generation, BOT_UPLOAD_LIMIT)
        if not fetched.attachments:
            raise FilesUnavailable
        letter = _exhibit(words, generation, fetched, outcome.count)
        # The nonce makes a repeat after a lost answer the same message.
        message = await channel.send(
            view=letter.view,
            files=letter.files(),
            nonce=f"show-{generation.id}",
            allowed_mentions=discord.AllowedMentions.none(),
        )
    except (discord.HTTPException, FilesUnavailable) as error:
        log.warning("not shown in the showcase", order=generation.id, error=repr(error))
        await services.database.run(showcase.let_go, generation.id)
        return False
    if not await services.database.run(showcase.hung, generation.id, message.id):
        # Deleted while it was being sent.
        await removal.delete_shown(interaction, outcome.channel_id, message.id)
    return True


def _fits(client: discord.Client, generation: Generation, channel_id: int) -> bool:
    if _is_restricted(client.get_channel(channel_id)):
        return True
    source = client.get_channel(generation.place_id or 0)
    return generation.age_restricted is False and not _is_restricted(source)


def _is_restricted(channel: object) -> bool:
    is_nsfw: Callable[[], bool] | None = getattr(channel, "is_nsfw", None)
    return is_nsfw is not None and is_nsfw()


def _exhibit(words: Words, generation: Generation, fetched: Fetched, count: int) -> Letter:
    request = GenerationRequest.from_json(generation.request)
    card: ui.Container[ui.LayoutView] = ui.Container(accent_colour=order_card.CALM)
    by = words("showcase.by", user=generation.user_id, count=count)
    card.add_item(ui.TextDisplay(f"{by}\n{quote(request.prompt)}"))
    card.add_item(result_card.gallery(generation, fetched))
    row: ui.ActionRow[ui.LayoutView] = ui.ActionRow()
    if generation.message_id:
        place = f"{generation.guild_id}/{generation.channel_id}/{generation.message_id}"
        url = f"https://discord.com/channels/{place}"
        row.add_item(ui.Button(label=words("showcase.original"), url=url))
    row.add_item(order_card.press(words, "unshow", generation.id))
    card.add_item(row)
    return Letter(letters.layout(card), tuple(fetched.attachments.values()))


def _own(words: Words, *, shy: bool) -> Letter:
    """Return what a member is told of their own pictures, with a button for the contrary."""
    card: ui.Container[ui.LayoutView] = ui.Container(accent_colour=order_card.CALM)
    card.add_item(ui.TextDisplay(words("showcase.shy" if shy else "showcase.own")))
    action = "unshy" if shy else "shy"
    button: ui.Button[ui.LayoutView] = ui.Button(
        label=words(f"buttons.{action}"),
        style=discord.ButtonStyle.secondary,
        custom_id=marks.button(action, "me"),
    )
    card.add_item(ui.ActionRow(button))
    return Letter(letters.layout(card))


def _said(text: str) -> Letter:
    card: ui.Container[ui.LayoutView] = ui.Container(accent_colour=order_card.CALM)
    card.add_item(ui.TextDisplay(text))
    return Letter(letters.layout(card))
