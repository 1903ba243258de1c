"""/defaults: what a member's own orders start from where an option is left out."""

from collections.abc import Iterator
from typing import Any

from discord import app_commands

from bot.answers import Press
from bot.cards import defaults_card
from bot.client import Tree
from bot.commands import assembly, starting
from bot.commands.assembly import Choices, Option
from bot.commands.imagine import size_choices
from bot.loras import listed
from bot.services import Services
from bot.wishes.options import readable

NEGATIVE_LIMIT = 500


def register(tree: Tree, services: Services) -> None:
    """Add the command; without an option it shows what is set."""

    async def answer(interaction: Press, **given: Any) -> None:
        changes = checked(services, given)
        await interaction.response.defer(ephemeral=True)
        habits, user_id = services.habits, interaction.user.id
        options = await habits.of(services.database, user_id)
        if changes:
            options = await habits.change(services.database, user_id, changes)
        await defaults_card.show(services, interaction, options)

    assembly.add(tree, services, "defaults", list(options(services)), answer)


def options(services: Services) -> Iterator[Option]:
    """Yield the options that can be kept: those of /imagine that are not about one picture."""
    variants = starting.drawing(services)
    if len(variants) > 1:
        yield assembly.variant_option(services, variants, "imagine.variant")

    async def offer_sizes(interaction: Press, typed: str) -> Choices:
        variant = starting.usual(services, interaction, variants)
        words = services.words(interaction.locale)
        return size_choices(words, variant, typed, services.reader.size_words)

    yield Option(name="size", kind=str, key="imagine.size", suggest=offer_sizes)
    if any(one.loras for one in variants):
        yield starting.lora(services, variants, is_kept=True)
    most = max(one.max_count for one in variants)
    yield Option(name="count", kind=app_commands.Range[int, 1, most], key="imagine.count")
    if any(one.negative for one in variants):
        text = app_commands.Range[str, 1, NEGATIVE_LIMIT]
        yield Option(name="negative", kind=text, key="imagine.negative")
    yield Option(name="spoiler", kind=bool, key="imagine.spoiler")
    if services.writer is not None:
        yield Option(name="polish", kind=bool, key="imagine.polish")


def checked(services: Services, given: dict[str, Any]) -> dict[str, Any]:
    """Return what was given, as it is kept. Raises RequestRefused where it can never be drawn."""
    kept = {
        name: readable(value) if isinstance(value, str) else value
        for name, value in given.items()
        if value is not None
    }
    kept = {name: value for name, value in kept.items() if value != ""}
    if "lora" in kept:
        listed.read(kept["lora"])
    if "size" in kept:
        services.reader.check_size(kept["size"], kept.get("variant"))
    return kept
