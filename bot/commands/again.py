"""/again: an order of this server, or one of its pictures, by number, with the same seeds."""

import asyncio

from bot.answers import Press
from bot.client import Tree
from bot.commands import assembly
from bot.commands.show import number as number_option
from bot.presses.remix import READ_S
from bot.services import Services
from bot.wishes import repeating, sources
from store.errors import StoreUnavailable


def register(tree: Tree, services: Services) -> None:
    """Add the command."""

    async def answer(interaction: Press, number: str) -> None:
        # What cannot be found is said before anything public appears.
        try:
            async with asyncio.timeout(READ_S):
                generation, nth = await sources.order(services, interaction, number)
        except TimeoutError as error:
            raise StoreUnavailable from error
        await repeating.again(services, interaction, generation.id, nth)

    assembly.add(tree, services, "again", [number_option(services)], answer)
