"""Shows how far trainings are and how they ended, by what SQL says."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import discord
import structlog
from sqlalchemy.orm import Session

from bot.cards.letters import Letter
from bot.delivery.routes import TOKEN_MS, is_closed
from bot.i18n import Words
from bot.loras.training import cards
from bot.services import Services
from store.errors import FilesUnavailable, StoreUnavailable
from store.tables.loras import Lora
from store.tables.trainings import Training
from store.training import trainings

EVERY_S = 2.0
BETWEEN_S = 8.0
"""Edits of one card, with pictures, at the most."""

Known = Sequence[tuple[Training, Lora]]
Card = Callable[[Words, Training, Lora, Sequence[bytes]], Letter]

log = structlog.get_logger()


class TrainingBoard:
    """Edits the cards of trainings: by token while it lives, then by the bot, then by a message."""

    def __init__(self, services: Services, client: discord.Client) -> None:
        self._services, self._client = services, client
        self._shown: dict[str, tuple[float, tuple[object, ...]]] = {}
        self._told: dict[str, int | None] = {}
        """Messages that a database without room could not be told of: shown once."""

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
        for training, lora in await database.read(_untold):
            if lora.id not in self._told:
                try:
                    self._told[lora.id] = await self._end(training, lora)
                except (discord.DiscordException, OSError, FilesUnavailable) as error:
                    log.warning("training not told yet", lora=lora.id, error=repr(error))
                    await database.run(trainings.postpone, training)
                    continue
            self._shown.pop(lora.id, None)
            await database.run(trainings.told, lora.id, self._told[lora.id])
            del self._told[lora.id]
        for training, lora in await database.read(_running):
            if self._is_new(training):
                with suppress(discord.DiscordException, OSError, FilesUnavailable):
                    await self._edit(training, await self._letter(cards.under_way, training, lora))

    def _is_new(self, training: Training) -> bool:
        """Tell whether a card would show something new, and note that it is shown."""
        now = asyncio.get_running_loop().time()
        state = (training.status, training.step, training.cancel_requested, str(training.samples))
        shown_at, before = self._shown.get(training.lora_id, (0.0, ()))
        if state == before or (now - shown_at < BETWEEN_S and before[:1] == state[:1]):
            return False
        self._shown[training.lora_id] = now, state
        return True

    async def _end(self, training: Training, lora: Lora) -> int | None:
        letter = await self._letter(cards.ended, training, lora)
        try:
            return await self._edit(training, letter)
        except discord.HTTPException as error:
            if not is_closed(error):
                raise
        with suppress(discord.Forbidden):  # who takes no messages finds it in the library
            channel = await self._client.create_dm(discord.Object(training.user_id))
            sent = await channel.send(view=letter.view, files=letter.files(), nonce=lora.id)
            return sent.id
        return None

    async def _letter(self, card: Card, training: Training, lora: Lora) -> Letter:
        folder = trainings.folder(training.lora_id)
        names = (training.samples or {}).get("all", ())
        pictures = [await self._services.files.aget(folder, name) for name in names]
        return card(self._services.words(training.locale), training, lora, pictures)

    async def _edit(self, training: Training, letter: Letter) -> int:
        files: Any = letter.files()
        token = self._services.seals.opened(training.token)
        if token and self._services.now().timestamp() * 1000 - training.token_at < TOKEN_MS:
            webhook = discord.Webhook.partial(training.application_id, token, client=self._client)
            # discord.py types this as a number only; Discord also takes the name of the answer.
            original: Any = training.message_id or "@original"
            edited = await webhook.edit_message(original, attachments=files, view=letter.view)
            return edited.id
        channel = self._client.get_partial_messageable(training.channel_id)
        message = channel.get_partial_message(training.message_id or 0)
        return (await message.edit(attachments=files, view=letter.view)).id


def _untold(session: Session) -> Known:
    return _with_loras(session, trainings.untold(session))


def _running(session: Session) -> Known:
    return _with_loras(session, trainings.running(session))


def _with_loras(session: Session, found: Sequence[Training]) -> Known:
    return [(training, session.get_one(Lora, training.lora_id)) for training in found]
