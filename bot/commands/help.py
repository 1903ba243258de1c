"""/help: what there is here, on one page, in the member's language."""

from bot.answers import Press
from bot.cards import help_card
from bot.client import Tree
from bot.servers.standing import ELSEWHERE, home
from bot.services import Services


def register(tree: Tree, services: Services) -> None:
    """Add the command."""
    mark = services.texts.mark

    @tree.command(name=mark("help.name"), description=mark("help.description"))
    async def show_help(interaction: Press) -> None:
        here = {command.name for command in tree.get_commands()}
        brought_along = home(interaction) == ELSEWHERE
        letter = help_card.card(
            services.words(interaction.locale),
            here,
            tree.client.command_ids,
            manages=not brought_along and interaction.permissions.manage_guild,
            brought_along=brought_along,
        )
        await interaction.response.send_message(view=letter.view, ephemeral=True)
