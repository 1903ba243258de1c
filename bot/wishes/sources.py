"""Pictures that members name by number: found, and read from the file store. Knows no variant.

A number is an order's id, with `-2` for its second picture. Everyone may start from their own
orders, and from any order of the server that they are in.
"""

import asyncio
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import discord
from discord import app_commands

from bot.answers import Press
from bot.cards import marks
from bot.errors import MessageWithoutOrder, PictureUnknown
from bot.servers.standing import ELSEWHERE, home
from bot.services import Services
from engine.pictures.uploads import Upload
from engine.request import GenerationRequest
from store.errors import FilesUnavailable, Gone, StoreUnavailable
from store.money.ledger import Flow
from store.orders import generations, searches
from store.tables.orders import Generation, Image

NUMBER = re.compile(
    r"(?i:spoiler_)?(?:reroll-)?#?(?P<id>[0-9a-z]{10})(?:[-/ ]?(?P<nth>[0-9]{1,2}))?(?:\.\w+)?"
)
"""Also as it stands in the name of a file that the bot sent."""
MISREAD = str.maketrans("oil", "011")
"""Our ids have none of these letters: who types one has misread a digit."""
OFFERED = 25
LOOKS_BACK = 50
OFFER_S = 1.0
"""Discord waits three seconds for suggestions; members wait less."""


@dataclass(frozen=True, slots=True)
class Source:
    """A picture to start from, and the order that it is a picture of, if it is ours."""

    upload: Upload
    generation: Generation | None = None

    @property
    def request(self) -> GenerationRequest | None:
        """Return what the picture was drawn from."""
        return GenerationRequest.from_json(self.generation.request) if self.generation else None


def number(order_id: str, nth: int) -> str:
    """Return the number of an order's picture `nth`, counted from 1."""
    return order_id if nth == 1 else f"{order_id}-{nth}"


def split(typed: str) -> tuple[str, int]:
    """Return the order that a number of ours names, and which picture of it, counted from 1."""
    order_id, _, nth = typed.partition("-")
    return order_id, int(nth or 1)


async def named(services: Services, interaction: Press, typed: str) -> Source:
    """Return the picture of a number. Raises PictureUnknown, PictureRefused or StoreUnavailable."""
    folded = unicodedata.normalize("NFKC", typed).strip().casefold()
    match = NUMBER.fullmatch(folded)
    if match is None:
        raise PictureUnknown(value=typed[:50])
    generation = await _visible(services, interaction, match["id"].translate(MISREAD), typed)
    image = _image(generation, int(match["nth"] or 0), typed)
    try:
        content = await services.files.aget(generation.id, image.file_sha256 or "")
    except FilesUnavailable as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise PictureUnknown(value=typed[:50]) from error
        raise
    return Source(await services.fetching.plain(content), generation)


async def order(services: Services, interaction: Press, typed: str) -> tuple[Generation, int]:
    """Return the order of a number, and which of its pictures was named: 0 for all, drawn or not.

    Raises PictureUnknown or StoreUnavailable.
    """
    match = NUMBER.fullmatch(unicodedata.normalize("NFKC", typed).strip().casefold())
    if match is None:
        raise PictureUnknown(value=typed[:50])
    generation = await _visible(services, interaction, match["id"].translate(MISREAD), typed)
    nth = int(match["nth"] or 0)
    if nth > len(generation.images):
        raise PictureUnknown(value=typed[:50])
    return generation, nth


def of_message(interaction: Press, message: discord.Message) -> str:
    """Return the id of the order that a message of ours is about. Raises MessageWithoutOrder."""
    ours = interaction.client.user
    if ours is None or message.author.id != ours.id:
        raise MessageWithoutOrder
    for file in message.attachments:
        if match := NUMBER.fullmatch(file.filename):
            return match["id"]
    for custom_id in _custom_ids(message.components):
        if custom_id.startswith(marks.OF_LORAS):
            continue
        if (match := re.fullmatch(marks.PATTERN, custom_id)) and NUMBER.fullmatch(match["subject"]):
            return match["subject"]
    raise MessageWithoutOrder


async def offered(
    services: Services, interaction: Press, typed: str
) -> list[app_commands.Choice[str]]:
    """Return the member's newest orders that what was typed fits; nothing where it takes long."""
    flow = Flow(home(interaction), interaction.user.id)
    try:
        async with asyncio.timeout(OFFER_S):
            found = await services.database.read(searches.history, flow, offset=0, limit=LOOKS_BACK)
    except (TimeoutError, StoreUnavailable):
        return []
    return choices(found, typed)


def choices(found: Sequence[Generation], typed: str) -> list[app_commands.Choice[str]]:
    """Return a choice for each order that what was typed fits, by its words or its number.

    Of the only one that fits, each picture is a choice.
    """
    wanted = typed.strip().casefold()
    fitting = [one for one in found if wanted in f"{one.request['prompt']} {one.id}".casefold()]
    done = {one.id: [image.index + 1 for image in one.images if image.file_sha256] for one in found}
    return [
        _choice(one, nth)
        for one in fitting
        for nth in (done[one.id] if len(fitting) == 1 else done[one.id][:1])
    ][:OFFERED]


def drawn(generation: Generation) -> list[int]:
    """Return which pictures of an order there are, counted from 1."""
    return [image.index + 1 for image in generation.images if image.file_sha256]


def of_file(name: str) -> str | None:
    """Return the number that the name of a file from this bot tells."""
    match = NUMBER.fullmatch(name)
    return number(match["id"], int(match["nth"] or 1)) if match else None


def _choice(generation: Generation, nth: int) -> app_commands.Choice[str]:
    value = number(generation.id, nth)
    prompt = " ".join(str(generation.request["prompt"]).split())
    room = 100 - len(value) - len(" · ")
    shown = prompt if len(prompt) <= room else f"{prompt[: room - 1]}…"
    return app_commands.Choice(name=f"{shown} · {value}", value=value)


def _custom_ids(components: Iterable[Any]) -> Iterator[str]:
    for one in components:
        if custom_id := getattr(one, "custom_id", None):
            yield custom_id
        yield from _custom_ids(getattr(one, "children", ()))


async def _visible(services: Services, interaction: Press, order_id: str, typed: str) -> Generation:
    try:
        generation = await services.database.read(generations.get, order_id)
    except Gone as error:
        raise PictureUnknown(value=typed[:50]) from error
    is_here = generation.guild_id == home(interaction) != ELSEWHERE
    if not is_here and generation.user_id != interaction.user.id:
        raise PictureUnknown(value=typed[:50])
    return generation


def _image(generation: Generation, nth: int, typed: str) -> Image:
    fitting = (
        image for image in generation.images if image.file_sha256 and nth in (0, image.index + 1)
    )
    image = next(fitting, None)
    if image is None:
        raise PictureUnknown(value=typed[:50])
    return image
