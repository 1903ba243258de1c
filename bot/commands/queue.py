"""/queue: who waits and for how long, with a way out of the line; for the member alone."""

from bot.answers import Press
from bot.cards import queue_card
from bot.client import Tree
from bot.services import Services


def register(tree: Tree, services: Services) -> None:
    """Add the command."""
    mark = services.texts.mark

    @tree.command(name=mark("queue.name"), description=mark("queue.description"))
    async def show_queue(interaction: Press) -> None:
        await interaction.response.defer(ephemeral=True)
        await queue_card.show(services, interaction)
