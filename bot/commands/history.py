"""/history: a member's own orders in this server, as pages that only the member sees."""

from typing import Any

from discord import app_commands

from bot.answers import Press
from bot.cards import history
from bot.cards.history import WORDS_LIMIT, Shown
from bot.client import Tree
from bot.commands import assembly
from bot.commands.assembly import Option
from bot.services import Services
from store.orders.searches import Search


def register(tree: Tree, services: Services) -> None:
    """Add the command."""

    async def answer(interaction: Press, **given: Any) -> None:
        await interaction.response.defer(ephemeral=True)
        wanted = Search(
            words=" ".join((given["search"] or "").split()),
            variant=given.get("variant") or "",
            starred=bool(given["starred"]),
        )
        await history.show(services, interaction, Shown(0, wanted))

    words = app_commands.Range[str, 1, WORDS_LIMIT]
    options = [Option(name="search", kind=words, key="history.search")]
    variants = [services.catalog[name] for name in services.catalog.names]
    if len(variants) > 1:
        options.append(assembly.variant_option(services, variants, "history.variant"))
    options.append(Option(name="starred", kind=bool, key="history.starred_only"))
    assembly.add(tree, services, "history", options, answer)
