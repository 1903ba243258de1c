"""Answers to interactions that went wrong; one of the doors where every exception ends."""

import contextlib
import secrets
from collections.abc import AsyncIterator
from typing import Any

import discord
import structlog

from bot.cards import order_card
from bot.cards.letters import Letter
from bot.errors import Unexpected
from bot.i18n import Words
from engine.errors import RerollError
from store.errors import StoreUnavailable
from store.outages import reason

Press = discord.Interaction[Any]

log = structlog.get_logger()

GONE = {10062, 10015, 50027}
"""Discord's codes where nothing more can reach the member: an answer after three seconds, or one
whose webhook or token is gone."""


@contextlib.asynccontextmanager
async def guarded(interaction: Press, words: Words) -> AsyncIterator[None]:
    """Answer whatever is raised inside: expected errors in words, others with a reference."""
    try:
        yield
    except Exception as error:
        await explain(interaction, words, error)


async def explain(interaction: Press, words: Words, error: Exception) -> None:
    """Tell the member, and only the member, what went wrong."""
    if isinstance(error, discord.HTTPException) and error.code in GONE:
        log.warning("interaction answered too late", interaction=interaction.id)
        return
    await whisper(interaction, words.error(expected(error)))


def expected(error: Exception) -> RerollError:
    """Return an error that has a text; an unexpected one is logged under a reference."""
    if isinstance(error, RerollError):
        if isinstance(error, StoreUnavailable):
            log.warning("store unavailable", error=reason(error))
        return error
    reference = secrets.token_hex(4)
    log.error("unexpected error", reference=reference, exc_info=error)
    return Unexpected(reference=reference)


async def whisper(interaction: Press, text: str) -> None:
    """Send a text that only the member sees; a member who has gone misses it."""
    send = (
        interaction.followup.send
        if interaction.response.is_done()
        else interaction.response.send_message
    )
    try:
        await send(text, ephemeral=True)
    except discord.HTTPException as error:
        log.warning("answer not delivered", interaction=interaction.id, error=repr(error))


async def withdraw(interaction: Press, text: str) -> None:
    """Take back the public "thinking" of a deferred answer and tell the member alone."""
    await _take_back(interaction)
    await whisper(interaction, text)


async def withdraw_for(interaction: Press, letter: Letter) -> discord.WebhookMessage | None:
    """Do the same with a card; return its message, or None where it did not reach the member."""
    await _take_back(interaction)
    try:
        return await interaction.followup.send(view=letter.view, ephemeral=True, wait=True)
    except discord.HTTPException as error:
        log.warning("answer not delivered", interaction=interaction.id, error=repr(error))
        return None


async def _take_back(interaction: Press) -> None:
    # Where it cannot be taken back it keeps a few dots, so that it does not think for ever.
    try:
        # Until the deferred answer holds something, Discord takes the next message for it.
        await interaction.edit_original_response(view=order_card.notice("…").view)
        await interaction.delete_original_response()
    except discord.HTTPException as error:
        log.warning("answer not withdrawn", interaction=interaction.id, error=repr(error))
