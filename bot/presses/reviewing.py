"""Held pictures, shown to moderators alone: they let them through, hide them or refuse them."""

import asyncio

import discord
from discord import ui
from sqlalchemy.orm import Session

from bot.answers import Press
from bot.cards import letters, marks, order_card
from bot.cards.letters import Attachment, Letter
from bot.delivery import pictures
from bot.i18n import Words
from bot.markdown import quote
from bot.servers.standing import ward
from bot.services import Services
from store.errors import NotYours
from store.moderation import reviews
from store.moderation.errors import ReviewDone
from store.orders import generations
from store.tables.orders import Generation, Image, Review

CHOICES = {
    "release": (Review.RELEASED, discord.ButtonStyle.success),
    "veil": (Review.SPOILER, discord.ButtonStyle.secondary),
    "withhold": (Review.REFUSED, discord.ButtonStyle.danger),
}


async def show(services: Services, interaction: Press, generation_id: str) -> None:
    """Show a moderator the next held picture, in the deferred answer. Raises NotYours or Gone."""
    generation = await _moderated(services, interaction, generation_id)
    letter = await _letter(services, interaction, generation)
    await interaction.edit_original_response(view=letter.view, attachments=letter.files())


async def decide(
    services: Services, interaction: Press, action: str, generation_id: str, nth: int
) -> None:
    """Do what the button says, then show the next one. Raises NotYours, Gone or ReviewDone."""
    await _moderated(services, interaction, generation_id)
    review, _ = CHOICES[action]
    by = interaction.user.id

    def decided(session: Session) -> None:
        dropped = reviews.decide(session, generation_id, nth - 1, review, by=by)
        if dropped:  # in one transaction: nobody would find it again
            services.files.remove(generation_id, dropped)

    await services.database.run(decided)
    services.bell.set()
    await show(services, interaction, generation_id)


async def _moderated(services: Services, interaction: Press, generation_id: str) -> Generation:
    """Return an order where the member keeps order, or is asked to. Raises NotYours or Gone."""
    generation = await services.database.read(generations.get, generation_id)
    here = ward(interaction)
    if here is None or here.guild_id != generation.guild_id:
        raise NotYours
    if not here.holds(generation):
        # In the moderators' channel they are asked about all of the server.
        asked = await services.database.read(reviews.channel, generation.guild_id)
        if here.channel_id != asked:
            raise NotYours
    return generation


async def _letter(services: Services, interaction: Press, generation: Generation) -> Letter:
    words = services.words(interaction.locale)
    for image in generation.images:
        if image.held_sha256:
            content = await services.files.aget(generation.id, image.held_sha256)
            number, limit = pictures.number_of(image), interaction.filesize_limit
            copy = services.labels.copy
            content, kind = await asyncio.to_thread(copy, content, number, limit)
            return _card(words, generation, image, Attachment(f"held.{kind}", content))
    if not any(image.review for image in generation.images):
        raise ReviewDone
    return order_card.notice(words("review.done"))


def _card(words: Words, generation: Generation, image: Image, file: Attachment) -> Letter:
    card: ui.Container[ui.LayoutView] = ui.Container(accent_colour=order_card.BUSY)
    nth = image.index + 1
    title = words("review.title", nth=nth, user=generation.user_id)
    card.add_item(ui.TextDisplay(f"{title}\n{quote(generation.request['prompt'], 1000)}"))
    media = discord.MediaGalleryItem(f"attachment://{file.name}", spoiler=True)
    card.add_item(ui.MediaGallery(media))
    buttons: list[ui.Button[ui.LayoutView]] = [
        ui.Button(
            label=words(f"buttons.{action}"),
            style=style,
            custom_id=marks.button(action, generation.id, nth),
        )
        for action, (_, style) in CHOICES.items()
    ]
    card.add_item(ui.ActionRow(*buttons))
    return Letter(letters.layout(card), (file,))
