"""Tells members how far the files of their LoRAs are and what became of them, by what SQL says."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import discord
import structlog
from sqlalchemy.orm import Session

from bot.cards.letters import Letter
from bot.delivery.routes import TOKEN_MS, is_closed
from bot.i18n import Words
from bot.loras import cards
from bot.loras.cards import Known
from bot.services import Services
from store.errors import StoreUnavailable
from store.loras import fetches
from store.tables.loras import Lora, LoraFetch

EVERY_S = 2.0
Fetches = Sequence[tuple[LoraFetch, Lora]]

log = structlog.get_logger()


class Telling:
    """Edits the answers of /lora add while their tokens live, and writes a message after that."""

    def __init__(self, services: Services, client: discord.Client) -> None:
        self._services, self._client = services, client
        self._shown: dict[str, int] = {}
        self._told: set[str] = set()
        """What a database without room could not be told of: told once."""

    async def run(self) -> None:
        """Tell for ever."""
        while True:
            # The sweeper says when the database goes away and returns.
            with suppress(StoreUnavailable):
                await self.tell()
            await asyncio.sleep(EVERY_S)

    async def tell(self) -> None:
        """Tell once all that is new."""
        database = self._services.database
        ended, under_way = await database.read(_news)
        for fetch, lora in ended:
            self._shown.pop(lora.id, None)
            if lora.id not in self._told:
                try:
                    await self._end(fetch, lora)
                except (discord.DiscordException, OSError) as error:
                    log.warning("lora not told yet", lora=lora.id, error=repr(error))
                    await database.run(fetches.postpone, fetch)
                    continue
                self._told.add(lora.id)
            await database.run(fetches.told, lora.id)
            self._told.discard(lora.id)
        for fetch, lora in under_way:
            if fetch.got_bytes != self._shown.get(lora.id, 0) and self._lives(fetch):
                self._shown[lora.id] = fetch.got_bytes
                with suppress(discord.DiscordException, OSError):
                    await self._edit(fetch, cards.fetching(self._words(fetch), lora, fetch))

    async def _end(self, fetch: LoraFetch, lora: Lora) -> None:
        if lora.deleted_at is not None:
            return
        letter = cards.info(self._words(fetch), Known(lora=lora, is_own=True, is_favourite=False))
        if self._lives(fetch):
            try:
                await self._edit(fetch, letter)
                return
            except discord.HTTPException as error:
                if not is_closed(error):
                    raise
        with suppress(discord.Forbidden):  # who takes no messages finds it in the list
            channel = await self._client.create_dm(discord.Object(lora.owner_id))
            await channel.send(view=letter.view, nonce=lora.id)

    async def _edit(self, fetch: LoraFetch, letter: Letter) -> None:
        token = self._services.seals.opened(fetch.token) or ""
        webhook = discord.Webhook.partial(fetch.application_id, token, client=self._client)
        # discord.py types this as a number only; Discord also takes the name of the answer.
        original: Any = fetch.message_id or "@original"
        await webhook.edit_message(original, view=letter.view)

    def _lives(self, fetch: LoraFetch) -> bool:
        if self._services.now().timestamp() * 1000 - fetch.token_at >= TOKEN_MS:
            return False
        return self._services.seals.opened(fetch.token) is not None

    def _words(self, fetch: LoraFetch) -> Words:
        return self._services.words(fetch.locale)


def _news(session: Session) -> tuple[Fetches, Fetches]:
    return fetches.to_tell(session), fetches.under_way(session)
