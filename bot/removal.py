"""Deleting an order: its row, and every message that shows it; the sweeper removes its files."""

import contextlib

import discord
from sqlalchemy.orm import Session

from bot.answers import Press
from bot.services import Services
from store import generations
from store.tables import Generation


async def remove(services: Services, interaction: Press, generation_id: str) -> None:
    """Delete an order for its owner or a moderator, except the message that was pressed.

    Raises Gone or NotYours.
    """
    generation = await services.database.run(
        _remove,
        generation_id,
        interaction.user.id,
        moderator=interaction.permissions.manage_messages,
    )
    await services.turns.end(generation_id)
    await _delete_message(interaction, generation)


def _remove(session: Session, generation_id: str, user_id: int, *, moderator: bool) -> Generation:
    generation = generations.get(session, generation_id)
    generations.delete(session, generation_id, user_id, moderator=moderator)
    return generation


async def _delete_message(interaction: Press, generation: Generation) -> None:
    pressed = interaction.message.id if interaction.message else None
    if generation.message_id is None or generation.message_id == pressed:
        return
    channel = interaction.client.get_partial_messageable(generation.channel_id)
    with contextlib.suppress(discord.HTTPException):
        await channel.get_partial_message(generation.message_id).delete()
