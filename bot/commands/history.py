"""/history: a member's own orders in this server, as pages that only the member sees."""

from discord import app_commands

from bot import history
from bot.answers import Press
from bot.client import Tree
from bot.services import Services


def register(tree: Tree, services: Services) -> None:
    """Add the command."""
    mark = services.texts.mark

    @tree.command(name=mark("history.name"), description=mark("history.description"))
    @app_commands.guild_only()
    async def show_history(interaction: Press) -> None:
        await interaction.response.defer(ephemeral=True)
        await history.show(services, interaction, 0)
