"""Reporting an order: a form that asks why, then the case in the moderators' channel.

The form's answer is read from Discord's raw data, as in bot/presses/remix.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import discord
import structlog
from discord import ui

from bot import answers
from bot.answers import Press
from bot.cards import case_card, marks
from bot.cards.letters import Letter
from bot.delivery import pictures
from bot.delivery.pictures import Fetched
from bot.delivery.routes import BOT_UPLOAD_LIMIT
from bot.errors import PressOutdated, ServerNeeded
from bot.presses import slips
from bot.presses.remix import OPEN_S, READ_S
from bot.servers.standing import ELSEWHERE, home
from bot.services import Services
from store.errors import FilesUnavailable, StoreUnavailable
from store.moderation import reports
from store.moderation.reports import Seen

REASON_LIMIT = 300

log = structlog.get_logger()


async def open_form(services: Services, interaction: Press, generation_id: str) -> None:
    """Ask why. Raises ServerNeeded, StoreUnavailable or what `reports.file` raises."""
    guild_id = _server(interaction)
    try:
        async with asyncio.timeout(READ_S):
            await services.database.run(
                reports.check_new, generation_id, guild_id, interaction.user.id
            )
    except TimeoutError as error:
        raise StoreUnavailable from error
    words = services.words(interaction.locale)
    form = ui.Modal(
        title=words("report.title"), custom_id=marks.report_form(generation_id), timeout=OPEN_S
    )
    why: ui.TextInput[ui.Modal] = ui.TextInput(
        custom_id="reason",
        style=discord.TextStyle.paragraph,
        max_length=REASON_LIMIT,
        required=True,
    )
    form.add_item(
        ui.Label(
            text=words("report.reason"), description=words("report.reason_hint"), component=why
        )
    )
    await interaction.response.send_modal(form)


async def submitted(services: Services, interaction: Press) -> None:
    """Keep the report, and show it to the moderators."""
    words = services.words(interaction.locale)
    async with answers.guarded(interaction, words):
        data: Mapping[str, Any] = {**(interaction.data or {})}
        match = marks.REPORT_FORM.fullmatch(data["custom_id"])
        if match is None:
            raise PressOutdated
        await interaction.response.defer(ephemeral=True, thinking=True)
        told = await _file(services, interaction, match["id"], _reason(data))
        await interaction.edit_original_response(content=words(f"report.{told}"))


async def refresh(services: Services, client: discord.Client, generation_id: str) -> None:
    """Make the message of a case anew, by what SQL knows. Raises Gone or HTTPException."""
    seen = await services.database.read(reports.seen, generation_id)
    if seen.case.message_id is None or seen.case.channel_id is None:
        return
    letter = await _letter(services, client, seen)
    channel = client.get_partial_messageable(seen.case.channel_id)
    message = channel.get_partial_message(seen.case.message_id)
    await message.edit(view=letter.view, attachments=letter.files())


async def _file(services: Services, interaction: Press, generation_id: str, reason: str) -> str:
    is_mine = await services.database.run(
        reports.file, generation_id, _server(interaction), interaction.user.id, reason
    )
    log.info("order reported", generation=generation_id)
    try:
        if is_mine:
            await _post(services, interaction.client, generation_id)
        else:
            await _add(services, interaction.client, generation_id)
    except discord.HTTPException as error:
        log.warning("case not shown", generation=generation_id, error=repr(error))
        await services.database.run(reports.unposted, generation_id)
        return "kept"
    return "filed"


async def _add(services: Services, client: discord.Client, generation_id: str) -> None:
    """Show one more report of a case; where its message is gone, in a new one."""
    try:
        await refresh(services, client, generation_id)
    except discord.NotFound:
        await services.database.run(reports.lost, generation_id)
        await _post(services, client, generation_id)


async def _post(services: Services, client: discord.Client, generation_id: str) -> None:
    seen = await services.database.read(reports.seen, generation_id)
    letter = await _letter(services, client, seen)
    channel = client.get_partial_messageable(seen.case.channel_id or 0)
    # The nonce makes a repeat after a lost answer the same message, and not one that is gone.
    nonce = f"case-{generation_id}-{len(seen.reports)}"
    message = await channel.send(view=letter.view, files=letter.files(), nonce=nonce)
    await services.database.run(reports.posted, generation_id, message.id)


async def _letter(services: Services, client: discord.Client, seen: Seen) -> Letter:
    fetched = Fetched({}, 0, reencoded=False)
    if seen.generation.deleted_at is None:
        # A case without its picture is read; one that is not posted is read by nobody.
        with suppress(FilesUnavailable):
            fetched = await pictures.fetch(services, seen.generation, BOT_UPLOAD_LIMIT)
    guild = client.get_guild(seen.case.guild_id)
    words = services.words(guild.preferred_locale if guild else None)
    return case_card.card(words, seen, fetched)


def _server(interaction: Press) -> int:
    if (guild_id := home(interaction)) == ELSEWHERE:
        raise ServerNeeded
    return guild_id


def _reason(data: Mapping[str, Any]) -> str:
    return slips.typed(data).get("reason", "").strip()[:REASON_LIMIT]
