"""/quota: what a member has left; asks the ledger and changes nothing."""

from discord import app_commands

from bot.answers import Press
from bot.client import Tree
from bot.services import Services
from store import ledger
from store.ledger import Flow


def register(tree: Tree, services: Services) -> None:
    """Add the command."""
    mark = services.texts.mark

    @tree.command(name=mark("quota.name"), description=mark("quota.description"))
    @app_commands.guild_only()
    async def quota(interaction: Press) -> None:
        await interaction.response.defer(ephemeral=True)
        flow = Flow(interaction.guild_id or 0, interaction.user.id)
        balance = await services.database.run(ledger.balance, flow, services.plan, services.now())
        words = services.words(interaction.locale)
        lines = [
            words("quota.today", today=balance.today, daily=balance.daily, at=balance.resets_at)
        ]
        if balance.kept:
            lines.append(words("quota.kept", kept=balance.kept))
        await interaction.edit_original_response(content="\n".join(lines))
