"""What Discord offers in the menu of a message: edit the picture in it, whoever sent it."""

import discord
from discord import app_commands

from bot import edit_form, starts
from bot.answers import Press
from bot.client import Tree
from bot.commands import starting
from bot.services import Services


def register(tree: Tree, services: Services) -> None:
    """Add the entry, where a variant has a use for it."""
    if not starting.able(services, starts.edits):
        return

    async def remix(interaction: Press, message: discord.Message) -> None:
        subject = edit_form.of_message(interaction, message)
        await edit_form.open_form(services, interaction, subject)

    menu = app_commands.ContextMenu(name=services.texts.mark("menus.remix"), callback=remix)
    menu.guild_only = True
    tree.add_command(menu)
