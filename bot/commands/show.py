"""/show: an order of this server, or one of its pictures, by number, for the member alone."""

from bot.answers import Press
from bot.cards import opened, picture_card
from bot.client import Tree
from bot.commands import assembly
from bot.commands.assembly import Choices, Option
from bot.services import Services
from bot.wishes import sources


def register(tree: Tree, services: Services) -> None:
    """Add the command."""

    async def answer(interaction: Press, number: str) -> None:
        await interaction.response.defer(ephemeral=True)
        generation, nth = await sources.order(services, interaction, number)
        if nth in sources.drawn(generation):
            await picture_card.show(services, interaction, generation, nth)
        else:
            await opened.show(services, interaction, generation)

    assembly.add(tree, services, "show", [number(services)], answer)


def number(services: Services) -> Option:
    """Return the option that names an order: one's own are offered."""

    async def suggest(interaction: Press, typed: str) -> Choices:
        return await sources.offered(services, interaction, typed)

    return Option(name="number", kind=str, key="show.number", is_required=True, suggest=suggest)
