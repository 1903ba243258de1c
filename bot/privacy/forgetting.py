"""Forgetting a member: asked back, what is open ended and refunded, then everything at once."""

import asyncio
from contextlib import suppress

import discord
import structlog
from discord import ui
from sqlalchemy.orm import Session

from bot.answers import Press
from bot.cards import letters, marks, order_card
from bot.cards.letters import Letter
from bot.errors import PressOutdated
from bot.i18n import Words
from bot.presses import removal
from bot.services import Services
from store import privacy
from store.errors import FilesUnavailable, StillDrawing
from store.privacy import Forgotten

PATIENCE_S = 20.0
POLL_S = 0.5
ACTION = "oblivion"

log = structlog.get_logger()


async def ask(services: Services, interaction: Press) -> None:
    """Say in the deferred answer what would go and what stays, with a button."""
    words = services.words(interaction.locale)
    await interaction.edit_original_response(view=_question(words, interaction.user.id).view)


async def press(services: Services, interaction: Press, subject: str, _page: int) -> None:
    """Forget the member whose question it is. Raises StillDrawing or PressOutdated."""
    if subject != str(interaction.user.id):
        raise PressOutdated
    await interaction.response.defer()
    words = services.words(interaction.locale)
    forgotten = await _forget(services, interaction.user.id)
    log.info("member forgotten", messages=len(forgotten.messages))
    said = order_card.notice(words("privacy.forgotten"))
    await interaction.edit_original_response(view=said.view)
    for channel_id, message_id in forgotten.messages:
        await removal.delete_shown(interaction, channel_id, message_id)


async def _forget(services: Services, user_id: int) -> Forgotten:
    await services.database.run(privacy.begin, user_id)
    services.bell.set()
    try:
        async with asyncio.timeout(PATIENCE_S):
            while (forgotten := await services.database.run(_finish, user_id)) is None:
                await asyncio.sleep(POLL_S)
    except TimeoutError as error:
        raise StillDrawing from error
    services.habits.forget(user_id)
    for folder in forgotten.folders:
        with suppress(FilesUnavailable):
            await services.files.aremove(folder)
    return forgotten


def _finish(session: Session, user_id: int) -> Forgotten | None:
    try:
        return privacy.finish(session, user_id)
    except StillDrawing:
        return None


def _question(words: Words, user_id: int) -> Letter:
    card: ui.Container[ui.LayoutView] = ui.Container(accent_colour=order_card.SORRY)
    card.add_item(ui.TextDisplay(words("privacy.question")))
    button: ui.Button[ui.LayoutView] = ui.Button(
        label=words("privacy.yes"),
        style=discord.ButtonStyle.danger,
        custom_id=marks.button(ACTION, user_id),
    )
    card.add_item(ui.ActionRow(button))
    return Letter(letters.layout(card))
