"""/help: what there is here, on one page, in the member's language."""

from bot.answers import Press
from bot.cards import help_card
from bot.client import Tree
from bot.servers.host import is_host
from bot.servers.standing import ELSEWHERE, home
from bot.services import Services


def register(tree: Tree, services: Services) -> None:
    """Add the command."""
    mark = services.texts.mark

    @tree.command(name=mark("help.name"), description=mark("help.description"))
    async def show_help(interaction: Press) -> None:
        here = {command.qualified_name for command in tree.walk_commands()}
        brought_along = home(interaction) == ELSEWHERE
        manages = not brought_along and interaction.permissions.manage_guild
        standings = {"manage": manages, "host": is_host(services, interaction)}
        letter = help_card.card(
            services.words(interaction.locale),
            here,
            tree.client.command_ids,
            audience=[one for one, holds in standings.items() if holds],
            brought_along=brought_along,
        )
        await interaction.response.send_message(view=letter.view, ephemeral=True)
