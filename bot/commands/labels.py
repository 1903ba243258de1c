"""/labels: what a member's files say about themselves, and what of that they may choose."""

from bot.answers import Press
from bot.cards import labels_card
from bot.client import Tree
from bot.services import Services


def register(tree: Tree, services: Services) -> None:
    """Add the command."""
    mark = services.texts.mark

    @tree.command(name=mark("labels.name"), description=mark("labels.description"))
    async def labels(interaction: Press) -> None:
        await interaction.response.defer(ephemeral=True)
        await labels_card.show(services, interaction)
