"""The buttons of one picture: open it, favour it, take it to hand as a reference, delete it."""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial

import aiohttp
import discord
import structlog
from sqlalchemy.orm import Session

from bot.answers import Press
from bot.cards import hand_card, picture_card
from bot.delivery import delivering
from bot.delivery.routes import Routes
from bot.errors import PictureNotGiven
from bot.presses import edit_form, picking
from bot.presses.private_buttons import Handler
from bot.servers import sight
from bot.servers.standing import ward
from bot.services import Services
from bot.wishes import sources
from store.errors import FilesUnavailable
from store.orders import deliveries, generations
from store.pictures import one_picture
from store.tables.orders import Generation

log = structlog.get_logger()


async def _pick(services: Services, interaction: Press, generation_id: str, nth: int) -> None:
    if nth == 0:
        _, drawn = await picking.drawn(services, interaction, generation_id)
        if len(drawn) > 1:
            await picking.ask(services, interaction, "pick", generation_id, drawn)
            return
        nth = drawn[0]
    await interaction.response.defer(ephemeral=True, thinking=True)
    generation = await sight.seen(services, interaction, generation_id)
    await picture_card.show(services, interaction, generation, nth)


async def _refer(services: Services, interaction: Press, generation_id: str, nth: int) -> None:
    await interaction.response.defer(ephemeral=True, thinking=True)
    number = sources.number(generation_id, nth or 1)
    await services.database.run(one_picture.take, interaction.user.id, number)
    await hand_card.show(services, interaction)


async def _laydown(services: Services, interaction: Press, _subject: str, _nth: int) -> None:
    await interaction.response.defer()
    await services.database.run(one_picture.lay_down, interaction.user.id)
    await hand_card.show(services, interaction)


async def _handed(services: Services, interaction: Press, _subject: str, _nth: int) -> None:
    numbers = await services.database.read(one_picture.at_hand, interaction.user.id)
    if not numbers:
        raise PictureNotGiven
    await edit_form.open_form(services, interaction, edit_form.of_numbers(numbers))


async def _rub(services: Services, interaction: Press, generation_id: str, nth: int) -> None:
    await interaction.response.defer()
    here = ward(interaction)
    generation, unnamed = await services.database.run(
        one_picture.remove,
        generation_id,
        nth,
        interaction.user.id,
        moderator=here is not None,
        here=here,
    )
    if unnamed:
        with suppress(FilesUnavailable):
            await services.files.aremove_one(generation_id, unnamed)
    await interaction.delete_original_response()
    # One that is at work ends without it.
    if generation.finished_at is not None:
        await _redraw(services, interaction, generation)


async def _redraw(services: Services, interaction: Press, generation: Generation) -> None:
    """Show the order's message without the picture: at once, or as soon as that can be done."""
    routes = Routes(interaction.client, services.now, services.seals)
    compose = partial(delivering.letter, services, generation.id)
    try:
        await routes.deliver(generation, compose, anew=False)
    except (discord.DiscordException, aiohttp.ClientError, FilesUnavailable, OSError) as error:
        log.warning("message keeps a deleted picture", order=generation.id, error=repr(error))
        await services.database.run(_again, generation.id)
        services.bell.set()


def _again(session: Session, generation_id: str) -> None:
    deliveries.again(session, generations.lock(session, generation_id))


HANDLERS: Mapping[str, Handler] = {
    "pick": _pick,
    "refer": _refer,
    "laydown": _laydown,
    "handed": _handed,
    "rub": _rub,
}
