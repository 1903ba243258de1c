"""/settings audit: what moderators and managers of a server have done, page by page."""

from discord import app_commands

from bot.answers import Press
from bot.cards import audit_card
from bot.commands.choosing import subcommand
from bot.servers.standing import require_manager
from bot.services import Services


def add(settings: app_commands.Group, services: Services) -> None:
    """Add the subcommand."""

    @subcommand(settings, services, "audit")
    async def audit(interaction: Press) -> None:
        require_manager(interaction)
        await interaction.response.defer(ephemeral=True)
        await audit_card.show(services, interaction, 0)
