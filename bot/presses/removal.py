"""Deleting an order: asked back, then its row, and every message that shows it.

The sweeper removes its files.
"""

import contextlib

import discord
from discord import ui
from sqlalchemy.orm import Session

from bot.answers import Press
from bot.cards import letters, marks, order_card
from bot.cards.letters import Letter
from bot.i18n import Words
from bot.loras import previews
from bot.markdown import quote
from bot.servers import sight
from bot.servers.standing import ward
from bot.services import Services
from bot.wishes import sources
from store.errors import NotYours
from store.orders import generations
from store.orders.generations import Ward
from store.pictures import showcase
from store.tables.orders import Generation

SHOWN = 200


async def ask(services: Services, interaction: Press, generation_id: str, nth: int = 0) -> None:
    """Ask the member alone, in the deferred answer: of an order, or of its picture `nth` (from 1).

    Raises Gone or NotYours.
    """
    generation = await sight.seen(services, interaction, generation_id)
    here = ward(interaction)
    keeps_order = here is not None and here.holds(generation)
    if generation.user_id != interaction.user.id and not keeps_order:
        raise NotYours
    pressed = interaction.message.id if interaction.message else None
    is_one = nth > 0 and len(sources.drawn(generation)) > 1
    letter = question(
        services.words(interaction.locale),
        generation,
        yes=marks.button("rub" if is_one else "erase", generation_id, nth if is_one else pressed),
        no=marks.button("keep", generation_id),
        count=1 if is_one else len(generation.images),
    )
    await interaction.edit_original_response(view=letter.view)


def question(words: Words, generation: Generation, *, yes: str, no: str, count: int) -> Letter:
    """Return the card that asks about `count` pictures; `yes` and `no` are its buttons' marks."""
    card: ui.Container[ui.LayoutView] = ui.Container(accent_colour=order_card.SORRY)
    asked = words("removal.question", count=count)
    card.add_item(ui.TextDisplay(f"{asked}\n{quote(generation.request['prompt'], SHOWN)}"))
    styles = {yes: discord.ButtonStyle.danger, no: discord.ButtonStyle.secondary}
    labels = {yes: words("removal.yes"), no: words("removal.no")}
    card.add_item(
        ui.ActionRow(
            *(
                ui.Button(label=labels[mark], style=style, custom_id=mark)
                for mark, style in styles.items()
            )
        )
    )
    return Letter(letters.layout(card))


async def remove(
    services: Services,
    interaction: Press,
    generation_id: str,
    message_id: int = 0,
    *,
    kept: Ward | None = None,
) -> None:
    """Delete an order for its owner or a moderator, with its message and one more in the channel.

    Where the moderator keeps order is asked for, unless it is known. Raises Gone or NotYours.
    """
    generation, shown, previewed = await services.database.run(
        _remove, generation_id, interaction.user.id, kept or ward(interaction)
    )
    await services.turns.end(generation_id)
    if generation.user_id != interaction.user.id:
        await previews.withdraw(services, *previewed)
    await _delete_message(interaction, generation)
    if message_id and message_id != generation.message_id and interaction.channel_id:
        await delete_shown(interaction, interaction.channel_id, message_id)
    if shown is not None:
        await delete_shown(interaction, *shown)


async def delete_shown(interaction: Press, channel_id: int, message_id: int) -> None:
    """Delete a message of ours, unless somebody already has."""
    channel = interaction.client.get_partial_messageable(channel_id)
    with contextlib.suppress(discord.HTTPException):
        await channel.get_partial_message(message_id).delete()


def _remove(
    session: Session, generation_id: str, user_id: int, here: Ward | None
) -> tuple[Generation, tuple[int, int] | None, tuple[str, str | None]]:
    generation = generations.get(session, generation_id)
    previewed = previews.shows(generation)
    generations.delete(session, generation_id, user_id, moderator=here is not None, here=here)
    return generation, showcase.take_down(session, generation_id), previewed


async def _delete_message(interaction: Press, generation: Generation) -> None:
    pressed = interaction.message.id if interaction.message else None
    if generation.message_id is None or generation.message_id == pressed:
        return
    await delete_shown(interaction, generation.channel_id, generation.message_id)
