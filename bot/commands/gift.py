"""/gift: lasting credits for a member, from those who run the server."""

import discord
from discord import app_commands

from bot.answers import Press
from bot.client import Tree
from bot.errors import GiftToBot, GiftToStranger
from bot.servers.standing import require_manager
from bot.services import Services
from store.money import grants
from store.money.ledger import Flow

MOST = 10_000


def register(tree: Tree, services: Services) -> None:
    """Add the command."""
    texts = services.texts
    mark = texts.mark

    @tree.command(name=mark("gift.name"), description=mark("gift.description"))
    @app_commands.guild_only()
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.rename(member=mark("gift.member"), credits=mark("gift.credits"))
    @app_commands.describe(member=mark("gift.member_hint"), credits=mark("gift.credits_hint"))
    async def gift(
        interaction: Press,
        member: discord.Member | discord.User,
        credits: app_commands.Range[int, 1, MOST],
    ) -> None:
        require_manager(interaction)
        # Discord offers those who have left too, and takes an id of anybody.
        if isinstance(member, discord.User):
            raise GiftToStranger
        if member.bot:
            raise GiftToBot
        await interaction.response.defer(ephemeral=True)
        await services.database.run(
            grants.give,
            Flow(interaction.guild_id or 0, member.id),
            credits,
            by=interaction.user.id,
            gift_id=interaction.id,
        )
        words = services.words(interaction.locale)
        await interaction.edit_original_response(content=words("gift.done"))
        # Everyone reads it, so it speaks the server's language.
        public = services.words(interaction.guild_locale or interaction.locale)
        told = public("gift.told", giver=interaction.user.id, member=member.id, credits=credits)
        await interaction.followup.send(told)
