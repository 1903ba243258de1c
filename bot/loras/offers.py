"""What is suggested while a member types the name of a LoRA, or a list of them."""

import asyncio
from collections.abc import Iterator, Sequence

from discord import app_commands
from sqlalchemy.orm import Session

from bot.answers import Press
from bot.i18n import Words
from bot.loras import listed, wearing
from bot.services import Services
from bot.wishes.sources import OFFER_S
from store import names
from store.errors import StoreUnavailable
from store.loras import shares
from store.loras.shares import ID_SHOWN, Found, Viewer

Choices = list[app_commands.Choice[str]]
MOST_CHOICES = 25
CHOICE_LIMIT = 100
"""Discord's limits: of a list, and for what a choice shows and stands for."""


async def one(
    services: Services, interaction: Press, typed: str, *, own: bool = False, shared: bool = False
) -> Choices:
    """Return the LoRAs that a member can name; of their `own` only, or all `shared` here."""
    viewer = wearing.keeper(interaction) if shared else wearing.viewer(interaction)
    found = await _found(services, viewer, typed)
    fitting = [(name, item) for name, item in found if item.is_own or not own]
    words = services.words(interaction.locale)
    return [app_commands.Choice(name=_shown(words, n, it), value=n) for n, it in fitting]


async def several(services: Services, interaction: Press, typed: str, variant: str) -> Choices:
    """Return lists that end in a LoRA which the variant takes, begun as was typed."""
    base = services.catalog[variant].loras
    before, last = listed.last(typed)
    if not base:
        return []
    if ":" in last:  # its name is there already
        value = f"{before}{last}"[:CHOICE_LIMIT]
        return [app_commands.Choice(name=value, value=value)]
    there = {names.key(one.rpartition(":")[0] or one) for one in before.split(", ")}
    found = await _found(services, wearing.viewer(interaction), last, base=base)
    fresh = [(name, item) for name, item in found if names.key(name) not in there]
    return [*_lists(services.words(interaction.locale), before, fresh)]


async def _found(
    services: Services, viewer: Viewer, typed: str, *, base: str | None = None
) -> list[tuple[str, Found]]:
    """Return what fits, under names that tell it apart; nothing where it takes long."""

    def read(session: Session) -> list[tuple[str, Found]]:
        found = shares.find(session, viewer, typed, base=base, ready=base is not None)
        return [*_told_apart(session, viewer, found)]

    try:
        async with asyncio.timeout(OFFER_S):
            return await services.database.read(read)
    except (TimeoutError, StoreUnavailable):
        return []


def _told_apart(
    session: Session, viewer: Viewer, found: Sequence[Found]
) -> Iterator[tuple[str, Found]]:
    doubled = shares.doubled(session, viewer, [item.lora.key for item in found])
    for item in found:
        lora = item.lora
        is_plain = lora.key not in doubled or item.is_own
        yield (lora.name if is_plain else f"{lora.name}#{lora.id[:ID_SHOWN]}"), item


def _lists(
    words: Words, before: str, found: Sequence[tuple[str, Found]]
) -> Iterator[app_commands.Choice[str]]:
    for name, item in found[:MOST_CHOICES]:
        value = f"{before}{name}"
        if len(value) <= CHOICE_LIMIT:
            yield app_commands.Choice(name=_shown(words, value, item), value=value)


def _shown(words: Words, value: str, item: Found) -> str:
    star = "★ " if item.is_favourite else ""
    whose = words("lora.mine" if item.is_own else "lora.shared")
    return f"{star}{value} · {whose}"[:CHOICE_LIMIT]
