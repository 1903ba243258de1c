"""A LoRA that a member gives: its row and its fetch in one transaction, then a card that waits.

The worker looks at the file; what became of it is told by `bot.loras.telling`.
"""

from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

import discord
from sqlalchemy.orm import Session

from bot.answers import Press
from bot.errors import LoraNotGiven
from bot.loras import cards, shown
from bot.services import Services
from engine.loras.errors import LoraFileTooLarge
from engine.loras.file import FILE_LIMIT, MIB
from engine.variants.catalog import Catalog
from store.host import workers
from store.line.errors import WorkerMissing
from store.loras import addresses, fetches, library
from store.loras.fetches import Wanted
from store.loras.library import NAME_LIMIT, NOT_IN_NAMES, New
from store.tables.loras import Lora

OTHERWISE = "LoRA"
"""The name of one whose address tells none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The options of the command; None is what was left out."""

    file: discord.Attachment | None = None
    url: str | None = None
    name: str | None = None
    base: str | None = None
    triggers: str | None = None
    weight: float | None = None
    licence: str | None = None


async def add(services: Services, interaction: Press, given: Given) -> None:
    """Take the LoRA in. Raises LoraNotGiven, LoraFileTooLarge, LoraUnfetched or StoreRefused."""
    url = _address(services, given)
    new = New(
        owner_id=interaction.user.id,
        name=given.name or named_after(given.file.filename if given.file else url),
        source="upload" if given.file else "url",
        triggers=given.triggers or "",
        weight=1.0 if given.weight is None else given.weight,
        licence=given.licence or "",
    )
    library.tidy(new.name)
    answer = await interaction.response.defer(ephemeral=True)
    message_id = answer.message_id if answer else None
    bases = (given.base,) if given.base else served(services.catalog)

    def create(session: Session) -> Lora:
        shown.check_member(session, interaction)
        if not workers.serving(session):
            raise WorkerMissing(variant=services.catalog.default.name)
        room = shown.room(shown.plan_in(session, services, interaction))
        lora = library.create(session, new, room)
        most = library.room_left(session, new.owner_id, room).nbytes
        wanted = _wanted(services, interaction, lora.id, url)
        wanted = replace(wanted, message_id=message_id, bases=bases, most_bytes=most)
        fetches.want(session, wanted)
        return lora

    lora = await services.database.run(create)
    letter = cards.fetching(services.words(interaction.locale), lora)
    await interaction.edit_original_response(view=letter.view)


def served(catalog: Catalog) -> tuple[str, ...]:
    """Return the bases whose LoRAs some variant here takes."""
    named = (catalog[name].loras for name in catalog.names)
    return tuple(dict.fromkeys(base for base in named if base))


def named_after(path: str) -> str:
    """Return a name from that of a file, or from an address."""
    stem = PurePosixPath(unquote(urlsplit(path).path)).stem
    kept = "".join(" " if char in NOT_IN_NAMES else char for char in stem if char.isprintable())
    return " ".join(kept.split())[:NAME_LIMIT].strip() or OTHERWISE


def _address(services: Services, given: Given) -> str:
    if given.file is not None and not given.url:
        if given.file.size > FILE_LIMIT:
            raise LoraFileTooLarge(limit=FILE_LIMIT // MIB)
        return given.file.url
    if given.file is None and given.url:
        return addresses.checked(given.url, services.lora_hosts)
    raise LoraNotGiven


def _wanted(services: Services, interaction: Press, lora_id: str, url: str) -> Wanted:
    return Wanted(
        lora_id=lora_id,
        url=url,
        bases=(),
        most_bytes=0,
        application_id=interaction.application_id,
        channel_id=interaction.channel_id or 0,
        message_id=None,
        token=services.seals.seal(interaction.token),
        token_at=int(services.now().timestamp() * 1000),
        locale=str(interaction.locale),
    )
