"""Whose orders an interaction may be about: the member's own, and those of where they are.

Discord sends only buttons that stand in a message; a form's id comes from the member's client.
"""

from sqlalchemy.orm import Session

from bot.answers import Press
from bot.services import Services
from store.errors import Gone
from store.orders import generations
from store.tables.orders import Generation


def sees(interaction: Press, generation: Generation) -> bool:
    """Tell whether the member could come across an order where they are."""
    is_here = interaction.guild_id and generation.guild_id == interaction.guild_id
    is_in_channel = generation.channel_id == interaction.channel_id
    return bool(is_here) or is_in_channel or generation.user_id == interaction.user.id


def read(session: Session, interaction: Press, generation_id: str) -> Generation:
    """Return an order with its images. Raises Gone, also for one that is out of sight."""
    generation = generations.get(session, generation_id)
    if not sees(interaction, generation):
        raise Gone(id=generation_id)
    return generation


async def seen(services: Services, interaction: Press, generation_id: str) -> Generation:
    """Return an order with its images. Raises Gone, also for one that is out of sight."""
    return await services.database.read(read, interaction, generation_id)
