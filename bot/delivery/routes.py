"""Ways to a member, best first: the interaction's token, the bot's own, a new message, a DM."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import discord

from bot.cards.letters import Letter
from bot.seals import Seals
from store.tables.orders import Generation

TOKEN_MS = 14 * 60_000
"""Discord's tokens live 15 minutes."""
BOT_UPLOAD_LIMIT = 10 * 2**20
"""What the bot may upload by itself anywhere; the order's limit was the member's own."""
DEAD = {401, 403, 404}
THREAD_ARCHIVED = 50083
NO_TEXT: Mapping[str, Any] = {"content": None}
"""Takes plain text out of a message, which discord.py's types do not know of beside a card. It got
some if its card never came and another answer took its place; Discord refuses the card then."""

Compose = Callable[[int], Awaitable[Letter]]
"""Makes the letter for a way's upload limit in bytes."""
Way = Callable[[Generation, Letter], Awaitable[int]]


class Routes:
    """Sends the cards of orders by what SQL knows, long after the interaction object is gone."""

    def __init__(self, client: discord.Client, now: Callable[[], datetime], seals: Seals) -> None:
        self.client = client
        self._now = now
        self._seals = seals

    def token_lives(self, generation: Generation) -> bool:
        """Tell whether the order's interaction can still be answered."""
        if self._now().timestamp() * 1000 - generation.token_at >= TOKEN_MS:
            return False
        return self._seals.opened(generation.token) is not None

    async def edit(self, generation: Generation, letter: Letter) -> None:
        """Edit the order's message in passing. Raises HTTPException."""
        way = self._by_token if self.token_lives(generation) else self._by_bot
        await way(generation, letter)

    async def deliver(
        self, generation: Generation, compose: Compose, *, anew: bool = True
    ) -> int | None:
        """Show the end of an order; return the message, or None where no way is left.

        Not `anew`, it is shown in its own message or nowhere: moderators who hide a picture want no
        second one. Raises DiscordException where trying again later may help.
        """
        for way, limit in self._ways(generation, anew=anew):
            try:
                return await way(generation, await compose(limit))
            except discord.HTTPException as error:
                if not is_closed(error):
                    raise
        return None

    def _ways(self, generation: Generation, *, anew: bool) -> Iterator[tuple[Way, int]]:
        own = min(generation.upload_limit, BOT_UPLOAD_LIMIT)
        if self.token_lives(generation):
            yield self._by_token, generation.upload_limit
        if generation.message_id:
            yield self._by_bot, own
        if anew:
            yield self._by_channel, own
            yield self._by_dm, own
        elif generation.message_id:
            yield self._in_archive, own

    async def _by_token(self, generation: Generation, letter: Letter) -> int:
        token = self._seals.opened(generation.token) or ""
        webhook = discord.Webhook.partial(generation.application_id, token, client=self.client)
        # discord.py types this as a number only; Discord also takes the name of the answer.
        original: Any = generation.message_id or "@original"
        message = await webhook.edit_message(
            original, attachments=letter.files(), view=letter.view, **NO_TEXT
        )
        return message.id

    async def _by_bot(self, generation: Generation, letter: Letter) -> int:
        channel = self.client.get_partial_messageable(generation.channel_id)
        message = channel.get_partial_message(generation.message_id or 0)
        edited = await message.edit(attachments=letter.files(), view=letter.view, **NO_TEXT)
        return edited.id

    async def _in_archive(self, generation: Generation, letter: Letter) -> int:
        channel = await self.client.fetch_channel(generation.channel_id)
        if isinstance(channel, discord.Thread):
            await channel.edit(archived=False)
        return await self._by_bot(generation, letter)

    async def _by_channel(self, generation: Generation, letter: Letter) -> int:
        channel = self.client.get_partial_messageable(generation.channel_id)
        return await _send(channel, generation, letter)

    async def _by_dm(self, generation: Generation, letter: Letter) -> int:
        channel = await self.client.create_dm(discord.Object(generation.user_id))
        return await _send(channel, generation, letter)


async def _send(channel: discord.abc.Messageable, generation: Generation, letter: Letter) -> int:
    # The nonce makes a repeat after a lost answer the same message. Late as it is, the member
    # who ordered is told; nobody else, whatever the prompt says.
    told = [] if generation.quiet else [discord.Object(generation.user_id)]
    owner = discord.AllowedMentions(everyone=False, roles=False, replied_user=False, users=told)
    message = await channel.send(
        view=letter.view,
        files=letter.files(),
        nonce=generation.id,
        allowed_mentions=owner,
        silent=bool(generation.quiet),
    )
    return message.id


def is_closed(error: discord.HTTPException) -> bool:
    """Tell whether a way is closed, so that trying it again helps nobody."""
    return error.status in DEAD or error.code == THREAD_ARCHIVED
