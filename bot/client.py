"""The connection to Discord: commands, buttons and forms are bound here and answered elsewhere."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any

import discord
from discord import app_commands
from discord.http import Route

from bot import answers
from bot.answers import Press
from bot.errors import PressOutdated, TooFast
from bot.i18n import CommandTranslator
from bot.loras.training import asked, ordering
from bot.presses import buttons, edit_form, remix, reporting
from bot.proxies import way_to
from bot.services import Services
from store.errors import StoreUnavailable

OUTDATED = (app_commands.CommandSignatureMismatch, app_commands.CommandNotFound)

Register = Callable[["Tree", Services], None]
"""Adds one command; each bot gets fresh ones."""


FORMS: Mapping[str, Callable[[Services, Press], Awaitable[None]]] = {
    edit_form.FORM: edit_form.submitted,
    "report-form": reporting.submitted,
    asked.FORM: ordering.submitted,
}
"""What answers a form, by how its custom id begins; the oldest is the remix form."""


class Tree(app_commands.CommandTree["Reroll"]):
    """The commands, with an answer to every error."""

    async def interaction_check(self, interaction: Press, /) -> bool:
        """Let pass what does not come too fast; suggestions come as fast as people type."""
        if interaction.type is not discord.InteractionType.application_command:
            return True
        return await self.client.in_time(interaction)

    async def on_error(self, interaction: Press, error: app_commands.AppCommandError, /) -> None:
        """Tell the member what went wrong; the last door for errors of commands."""
        words = self.client.services.words(interaction.locale)
        cause: Exception = error
        if isinstance(error, app_commands.CommandInvokeError):
            cause = error.original
        elif isinstance(error, OUTDATED):
            cause = PressOutdated()
        await answers.explain(interaction, words, cause)


class Reroll(discord.AutoShardedClient):
    """The bot. `start_background` is called by the entry point, not by Discord's set-up."""

    def __init__(
        self,
        services: Services,
        commands: Sequence[Register],
        *,
        shard_count: int | None = None,
        user_install: bool = True,
    ) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True),
            # Prompts may contain @everyone.
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,  # nothing reads discord.py's cache of messages
            shard_count=shard_count,
            **way_to(Route.BASE),
        )
        self.services = services
        self.tree = Tree(self)
        self.command_ids: Mapping[str, int] = {}
        self._commands = commands
        self._user_install = user_install
        self._background: list[asyncio.Task[None]] = []

    async def setup_hook(self) -> None:
        """Bind everything and tell Discord the commands: one call, after login."""
        await self.tree.set_translator(CommandTranslator(self.services.texts))
        for register in self._commands:
            register(self.tree, self.services)
        self.settle_places()
        self.add_dynamic_items(buttons.pressed(self.services))
        self.command_ids = {one.name: one.id for one in await self.tree.sync()}
        # Without them the first order reads what it needs.
        with suppress(StoreUnavailable):
            await self.services.habits.load(self.services.database)

    def settle_places(self) -> None:
        """Let members bring along what is not for servers alone."""
        for command in self.tree.get_commands():
            _place(command, anywhere=self._user_install and not command.guild_only)

    async def on_interaction(self, interaction: Press) -> None:
        """Answer forms; discord.py itself forgets those that were open at a restart."""
        if interaction.type is discord.InteractionType.modal_submit:
            data: dict[str, Any] = {**(interaction.data or {})}
            if not await self.in_time(interaction):
                return
            form = re.split("[:~]", str(data.get("custom_id")))[0]
            await FORMS.get(form, remix.submitted)(self.services, interaction)

    async def in_time(self, interaction: Press) -> bool:
        """Tell whether something comes no faster than people are; if not, so is the member told."""
        try:
            self.services.pace.take(interaction.user.id, interaction.guild_id)
        except TooFast as error:
            await answers.explain(interaction, self.services.words(interaction.locale), error)
            return False
        return True

    def start_background(self, *loops: Coroutine[Any, Any, None]) -> None:
        """Run loops beside the connection until it is closed."""
        self._background += [asyncio.create_task(loop) for loop in loops]

    async def close(self) -> None:
        """Stop the loops and leave Discord."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await super().close()


def _place(
    command: app_commands.Command[Any, ..., Any] | app_commands.Group | app_commands.ContextMenu,
    *,
    anywhere: bool,
) -> None:
    """Let members add a command to their own account, or keep it to servers that added the bot."""
    command.allowed_installs = app_commands.AppInstallationType(guild=True, user=anywhere)
    command.allowed_contexts = app_commands.AppCommandContext(
        guild=True, dm_channel=anywhere, private_channel=anywhere
    )
