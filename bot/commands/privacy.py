"""/privacy: a member's own data, to take away or to have forgotten."""

import io

import discord
from discord import app_commands

from bot.answers import Press
from bot.client import Tree
from bot.delivery.pictures import REQUEST_LIMIT
from bot.privacy import exporting, forgetting
from bot.privacy.exporting import Left
from bot.services import Services

MOST_PARTS = 5
"""Discord lets a bot that was brought along answer so often."""


def register(tree: Tree, services: Services) -> None:
    """Add the group."""
    mark = services.texts.mark
    group = app_commands.Group(name=mark("privacy.name"), description=mark("privacy.description"))
    _export(group, services)
    _forget(group, services)
    tree.add_command(group)


def _export(group: app_commands.Group, services: Services) -> None:
    mark = services.texts.mark

    @group.command(name=mark("privacy_export.name"), description=mark("privacy_export.description"))
    async def export(interaction: Press) -> None:
        services.exports.begin(interaction.user.id, services.now())
        try:
            await interaction.response.defer(ephemeral=True)
            await _send(services, interaction)
        except Exception:
            services.exports.forget(interaction.user.id)
            raise


def _forget(group: app_commands.Group, services: Services) -> None:
    mark = services.texts.mark

    @group.command(name=mark("privacy_forget.name"), description=mark("privacy_forget.description"))
    async def forget(interaction: Press) -> None:
        await interaction.response.defer(ephemeral=True)
        await forgetting.ask(services, interaction)


async def _send(services: Services, interaction: Press) -> None:
    words, left = services.words(interaction.locale), Left()
    limit = min(interaction.filesize_limit, REQUEST_LIMIT)
    nth = 0
    async for content in exporting.parts(services, interaction.user.id, limit, MOST_PARTS, left):
        nth += 1
        file = discord.File(io.BytesIO(content), filename=f"reroll-{nth}.zip")
        if nth == 1:
            said = words("privacy.exported")
            await interaction.edit_original_response(content=said, attachments=[file])
        else:
            await interaction.followup.send(file=file, ephemeral=True)
    if left.files:
        said = words("privacy.rest", count=left.files)
        await interaction.edit_original_response(content=f"{words('privacy.exported')}\n{said}")
