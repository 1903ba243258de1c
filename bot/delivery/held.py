"""Tells moderators that pictures wait for their look; where they have no channel, the card does."""

from contextlib import suppress

import discord
import structlog
from discord import ui

from bot.cards import letters, order_card
from bot.cards.letters import Letter
from bot.i18n import Words
from bot.markdown import quote
from bot.services import Services
from store.errors import StoreUnavailable
from store.moderation import reviews
from store.tables.orders import Generation, Review

PROMPT = 600

log = structlog.get_logger()


async def tell(services: Services, client: discord.Client, generation: Generation) -> None:
    """Post a note in the moderators' channel, once for an order."""
    reviewed = {image.review for image in generation.images}
    if Review.WAITING not in reviewed or reviewed & {Review.RELEASED, Review.REFUSED}:
        return
    channel_id = None
    with suppress(StoreUnavailable):
        channel_id = await services.database.read(reviews.channel, generation.guild_id)
    if channel_id is None:
        return
    guild = client.get_guild(generation.guild_id)
    words = services.words(guild.preferred_locale if guild else None)
    letter = _note(words, generation)
    try:
        # The nonce makes a repeat after a lost answer the same message.
        await client.get_partial_messageable(channel_id).send(
            view=letter.view, nonce=f"held-{generation.id}"
        )
    except discord.HTTPException as error:
        log.warning("moderators not told", order=generation.id, error=repr(error))


def _note(words: Words, generation: Generation) -> Letter:
    card: ui.Container[ui.LayoutView] = ui.Container(accent_colour=order_card.BUSY)
    held = sum(image.held_sha256 is not None for image in generation.images)
    title = words("review.note", held=held, user=generation.user_id)
    lines = [title, quote(generation.request["prompt"], PROMPT)]
    if generation.message_id:
        place = f"{generation.guild_id}/{generation.channel_id}/{generation.message_id}"
        lines.append(f"[{words('case.message')}](https://discord.com/channels/{place})")
    card.add_item(ui.TextDisplay("\n".join(lines)))
    card.add_item(ui.ActionRow(order_card.press(words, "review", generation.id)))
    return Letter(letters.layout(card))
