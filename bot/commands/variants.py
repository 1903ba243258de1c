"""/variants: what the switched-on variants can do and cost, as pages that only the member sees."""

from bot.answers import Press
from bot.cards import variant_list
from bot.client import Tree
from bot.services import Services


def register(tree: Tree, services: Services) -> None:
    """Add the command."""
    mark = services.texts.mark

    @tree.command(name=mark("variant_list.name"), description=mark("variant_list.description"))
    async def show_variants(interaction: Press) -> None:
        await interaction.response.defer(ephemeral=True)
        await variant_list.show(services, interaction, 0)
