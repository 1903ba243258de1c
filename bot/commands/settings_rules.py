"""/settings rules: what a server does about words in prompts, on top of the host's rules."""

import io
from collections.abc import Callable, Sequence
from datetime import timedelta

import discord
from discord import app_commands
from sqlalchemy.orm import Session

from bot.answers import Press
from bot.cards import rules_card, settings_card
from bot.commands.choosing import choice, subcommand
from bot.errors import RuleWordInvalid, RuleWordsMissing
from bot.orders import ruling
from bot.rules.folding import is_han
from bot.rules.matching import PATTERN, Action, key
from bot.servers import logged, places
from bot.servers.standing import require_manager
from bot.services import Services
from store.choices import prompt_rules
from store.choices.prompt_rules import Wanted
from store.tables.moderation import PromptRule

WORDS_LIMIT = 60
TEXT_LIMIT = 1_000
COUNTED = timedelta(days=7)
MOST_CHOICES = 25


def add(settings: app_commands.Group, services: Services) -> None:
    """Add the group of subcommands."""
    mark = services.texts.mark
    group = app_commands.Group(
        name=mark("settings_rules.name"),
        description=mark("settings_rules.description"),
        parent=settings,
    )
    for one in (_add, _remove, _list, _test):
        one(group, services)


def _add(group: app_commands.Group, services: Services) -> None:
    actions = [choice(services, f"rule_actions.{one}", one) for one in Action]

    @subcommand(group, services, "rules_add", "words", "action", "replacement", "adult_only")
    @app_commands.choices(action=actions)
    async def add(
        interaction: Press,
        words: app_commands.Range[str, 1, WORDS_LIMIT],
        action: str,
        replacement: app_commands.Range[str, 1, WORDS_LIMIT] | None = None,
        adult_only: bool = False,
    ) -> None:
        wanted = Wanted(
            key=_key(words),
            words=words.strip(),
            action=action,
            replacement=replacement,
            adult_only=adult_only,
        )
        if action == Action.REPLACE and not (replacement or "").strip():
            raise RuleWordsMissing

        def change(session: Session, guild_id: int) -> None:
            prompt_rules.put(session, guild_id, wanted, interaction.user.id)

        await _change(services, interaction, change)


def _remove(group: app_commands.Group, services: Services) -> None:
    @subcommand(group, services, "rules_remove", "words")
    async def remove(interaction: Press, words: str) -> None:
        def change(session: Session, guild_id: int) -> None:
            prompt_rules.remove(session, guild_id, key(words), words[:WORDS_LIMIT])

        await _change(services, interaction, change)

    async def suggest(interaction: Press, typed: str) -> list[app_commands.Choice[str]]:
        if not interaction.permissions.manage_guild:
            return []  # the words of rules are not for everybody a server opens the command to
        rows = await services.database.read(prompt_rules.of, interaction.guild_id or 0)
        wanted = typed.strip().casefold()
        fitting = [row.words for row in rows if wanted in row.words.casefold()]
        return [app_commands.Choice(name=one, value=one) for one in fitting[:MOST_CHOICES]]

    remove.autocomplete("words")(suggest)


def _list(group: app_commands.Group, services: Services) -> None:
    @subcommand(group, services, "rules_list")
    async def list(interaction: Press) -> None:
        require_manager(interaction)
        await interaction.response.defer(ephemeral=True)
        await _show(services, interaction, lambda _session, _guild_id: None)


def _test(group: app_commands.Group, services: Services) -> None:
    @subcommand(group, services, "rules_test", "prompt")
    async def test(interaction: Press, prompt: app_commands.Range[str, 1, TEXT_LIMIT]) -> None:
        require_manager(interaction)
        await interaction.response.defer(ephemeral=True)
        verdict = await ruling.verdict_on(services, places.place(interaction), prompt)
        lines = rules_card.verdict(services.words(interaction.locale), verdict)
        await interaction.edit_original_response(content=settings_card.fitted(lines))


async def _change(
    services: Services, interaction: Press, change: Callable[[Session, int], None]
) -> None:
    require_manager(interaction)
    await interaction.response.defer(ephemeral=True)

    def changed(session: Session, guild_id: int) -> None:
        change(session, guild_id)
        logged.note(session, interaction)

    await _show(services, interaction, changed)


async def _show(
    services: Services, interaction: Press, change: Callable[[Session, int], None]
) -> None:
    guild_id = interaction.guild_id or 0
    since = (services.now() - COUNTED).date().isoformat()

    def read(session: Session) -> tuple[Sequence[PromptRule], Sequence[tuple[str, str, int]]]:
        change(session, guild_id)
        return prompt_rules.of(session, guild_id), prompt_rules.counts(session, guild_id, since)

    rows, counts = await services.database.run(read)
    services.rulebooks.forget(guild_id)
    lines = [*rules_card.rules(services.words(interaction.locale), rows, counts)]
    said = settings_card.fitted(lines)
    # What is too long for one text comes whole beside it.
    files = [] if said == "\n".join(lines) else [_whole(lines)]
    await interaction.edit_original_response(content=said, attachments=files)


def _whole(lines: Sequence[str]) -> discord.File:
    return discord.File(io.BytesIO("\n".join(lines).encode()), filename="rules.txt")


def _key(typed: str) -> str:
    folded = key(typed)
    is_short = len(folded) < 2 and not any(map(is_han, folded))
    if is_short or typed.strip().startswith(PATTERN):
        raise RuleWordInvalid(value=typed[:WORDS_LIMIT])
    return folded
