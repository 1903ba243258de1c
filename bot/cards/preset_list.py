"""The presets that a member can use here, as ephemeral pages: their own, then the server's."""

import asyncio
from collections.abc import Iterator, Sequence

from discord import app_commands, ui

from bot.answers import Press
from bot.cards import kept_options, letters, marks
from bot.cards.letters import Letter
from bot.cards.order_card import CALM
from bot.i18n import Words
from bot.markdown import plain
from bot.servers.standing import home
from bot.services import Services
from bot.wishes.sources import OFFER_S
from store.choices import presets
from store.errors import StoreUnavailable
from store.tables.servers import Preset

PER_PAGE = 10
MOST_CHOICES = 25
OWN, SERVER = "own", "server"


async def show(services: Services, interaction: Press, page: int) -> None:
    """Put a page into the deferred answer; past the end, the last one."""
    found = await services.database.read(
        presets.within_reach, home(interaction), interaction.user.id
    )
    letter = card(services.words(interaction.locale), found, page)
    await interaction.edit_original_response(view=letter.view)


def card(words: Words, found: Sequence[Preset], page: int) -> Letter:
    """Return one page, with buttons to turn where there are several."""
    filled = letters.pages((described(words, preset) for preset in found), PER_PAGE)
    last = len(filled) - 1
    page = min(page, last)
    shown: ui.Container[ui.LayoutView] = ui.Container(accent_colour=CALM)
    shown.add_item(ui.TextDisplay(words("preset_list.title" if found else "preset_list.empty")))
    for entry in filled[page]:
        shown.add_item(ui.TextDisplay(entry))
    if last:
        shown.add_item(ui.Separator())
        shown.add_item(ui.ActionRow(*_turns(words, page, last)))
    return Letter(letters.layout(shown))


def described(words: Words, preset: Preset) -> str:
    """Return a preset's name, whose it is, and what is in it."""
    kept = words("list.semicolon").join(
        text for _, text in kept_options.told(words, preset.options)
    )
    head = f"**{plain(preset.name)}** · {words(f'presets.{_shelf(preset)}')}"
    return f"{head}\n-# {kept}"


async def offered(
    services: Services, interaction: Press, typed: str
) -> list[app_commands.Choice[str]]:
    """Return the presets that what was typed fits; nothing where it takes long."""
    try:
        async with asyncio.timeout(OFFER_S):
            found = await services.database.read(
                presets.within_reach, home(interaction), interaction.user.id
            )
    except (TimeoutError, StoreUnavailable):
        return []
    return choices(services.words(interaction.locale), found, typed)


def choices(words: Words, found: Sequence[Preset], typed: str) -> list[app_commands.Choice[str]]:
    """Return a choice for each preset that contains what was typed, one for each name."""
    wanted = typed.strip().casefold()
    named: dict[str, Preset] = {}
    for preset in found:
        if wanted in preset.key:
            named.setdefault(preset.key, preset)
    return [
        app_commands.Choice(name=f"{one.name} · {words(f'presets.{_shelf(one)}')}", value=one.name)
        for one in named.values()
    ][:MOST_CHOICES]


def _shelf(preset: Preset) -> str:
    return OWN if preset.user_id else SERVER


def _turns(words: Words, page: int, last: int) -> Iterator[ui.Button[ui.LayoutView]]:
    for key, to, disabled in (("back", page - 1, page == 0), ("more", page + 1, page == last)):
        yield ui.Button(
            label=words(f"variant_list.{key}"),
            custom_id=marks.button("presets", key if disabled else to),
            disabled=disabled,
        )
