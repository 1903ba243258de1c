"""/checkin: a few lasting credits once a day, where the server gives them."""

from discord import app_commands

from bot.answers import Press
from bot.client import Tree
from bot.servers.standing import rank
from bot.services import Services
from store.money import grants
from store.money.ledger import Flow


def register(tree: Tree, services: Services) -> None:
    """Add the command."""
    mark = services.texts.mark

    @tree.command(name=mark("checkin.name"), description=mark("checkin.description"))
    @app_commands.guild_only()
    async def checkin(interaction: Press) -> None:
        await interaction.response.defer(ephemeral=True)
        flow = Flow(interaction.guild_id or 0, interaction.user.id)
        given, balance = await services.database.run(
            grants.check_in, services.defaults, flow, rank(interaction), services.now()
        )
        said = services.words(interaction.locale)("checkin.given", given=given, left=balance.left)
        await interaction.edit_original_response(content=said)
