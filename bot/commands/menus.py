"""What Discord offers in the menu of a message.

Its picture is edited, drawn again or checked, its recipe shown, or it is
reported. Discord takes five entries.
"""

from collections.abc import Awaitable, Callable

import discord
from discord import app_commands

from bot.answers import Press
from bot.cards import recipes
from bot.client import Tree
from bot.commands import starting
from bot.presses import edit_form, reporting
from bot.servers import sight
from bot.services import Services
from bot.verify import verifying
from bot.wishes import repeating, sources, starts

Answer = Callable[[Services, Press, discord.Message], Awaitable[None]]


def register(tree: Tree, services: Services) -> None:
    """Add the entries; editing only where a variant has a use for it."""
    if starting.able(services, starts.edits):
        _add(tree, services, "remix", _remix)
    _add(tree, services, "again", _again)
    _add(tree, services, "recipe", _recipe)
    _add(tree, services, "verify", _verify)
    _add(tree, services, "report", _report)


async def _remix(services: Services, interaction: Press, message: discord.Message) -> None:
    subject = edit_form.of_message(interaction, message)
    await edit_form.open_form(services, interaction, subject)


async def _report(services: Services, interaction: Press, message: discord.Message) -> None:
    order_id = sources.of_message(interaction, message)
    await reporting.open_form(services, interaction, order_id)


async def _again(services: Services, interaction: Press, message: discord.Message) -> None:
    await repeating.again(services, interaction, sources.of_message(interaction, message))


async def _recipe(services: Services, interaction: Press, message: discord.Message) -> None:
    order_id = sources.of_message(interaction, message)
    await interaction.response.defer(ephemeral=True, thinking=True)
    generation = await sight.seen(services, interaction, order_id)
    await recipes.show(services, interaction, generation)


async def _verify(services: Services, interaction: Press, message: discord.Message) -> None:
    file = verifying.picture_of(message)
    await interaction.response.defer(ephemeral=True, thinking=True)
    await verifying.verify(services, interaction, file)


def _add(tree: Tree, services: Services, key: str, answer: Answer) -> None:
    async def callback(interaction: Press, message: discord.Message) -> None:
        await answer(services, interaction, message)

    menu = app_commands.ContextMenu(name=services.texts.mark(f"menus.{key}"), callback=callback)
    tree.add_command(menu)
