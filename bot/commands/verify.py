"""/verify: whether a picture was drawn here, from what, and whether it was changed since."""

import discord

from bot.answers import Press
from bot.client import Tree
from bot.commands import assembly
from bot.commands.assembly import Option
from bot.services import Services
from bot.verify import verifying


def register(tree: Tree, services: Services) -> None:
    """Add the command."""

    async def answer(interaction: Press, picture: discord.Attachment) -> None:
        await interaction.response.defer(ephemeral=True)
        await verifying.verify(services, interaction, picture)

    given = Option(name="picture", kind=discord.Attachment, key="verify.picture", is_required=True)
    assembly.add(tree, services, "verify", [given], answer)
