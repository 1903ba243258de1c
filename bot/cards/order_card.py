"""The cards an order shows before its pictures: waiting, being drawn, stopping, refused."""

from collections.abc import Iterable

import discord
from discord import ui

from bot.cards import letters, marks
from bot.cards.letters import Attachment, Letter
from bot.i18n import Words
from bot.markdown import quote
from bot.wishes import starts
from engine.request import GenerationRequest
from engine.variants.bounds import Accepts
from engine.variants.catalog import Variant
from store.orders.placing import Placed

CALM, BUSY, SORRY = discord.Colour(0x5865F2), discord.Colour(0xF0B232), discord.Colour(0xDA373C)
CELLS = 12
MINUTE, HOUR = 60, 3600
LONG_S = 2 * HOUR
"""From here on hours are told."""
FINE_S, COARSE_S = 15, 10
"""Seconds are told one by one below the first, in tens from there on."""


def offered(actions: Iterable[str], variant: Variant | None) -> tuple[str, ...]:
    """Return the actions that a variant has: without seeds, the same picture cannot come again."""
    seedless = variant is not None and not variant.seeds
    renamed = ("new" if seedless and action == "again" else action for action in actions)
    return tuple(dict.fromkeys(renamed))


def reworked(variant: Variant | None) -> tuple[str, ...]:
    """Return what a variant can make of a finished picture, by the names of its buttons."""
    accepts = variant.accepts if variant else Accepts()
    able = {
        "vary": starts.varies(accepts),
        "edit": starts.edits(accepts),
        "upscale": starts.paints(accepts),
    }
    return tuple(action for action, can in able.items() if can)


def press(
    words: Words,
    action: str,
    generation_id: str,
    nth: int | None = None,
    *,
    disabled: bool = False,
) -> ui.Button[ui.LayoutView]:
    """Return the button that does `action` with an order, or with its picture `nth` (from 1)."""
    return ui.Button(
        # One button stands out, as the name of the product promises.
        style=discord.ButtonStyle.primary if action == "new" else discord.ButtonStyle.secondary,
        label=words(f"buttons.{action}"),
        custom_id=marks.button(action, generation_id, nth),
        disabled=disabled,
    )


def place(words: Words, ahead: int) -> str:
    """Say whose turn is next, or the place in line behind `ahead` pictures."""
    return words("waiting.ahead", place=ahead + 1) if ahead else words("waiting.first")


def about(words: Words, seconds: float) -> str:
    """Say how long something takes, no finer than it can be known."""
    if seconds >= LONG_S:
        return words("queue.hours", hours=round(seconds / HOUR))
    if seconds >= MINUTE - COARSE_S / 2:
        return words("queue.minutes", minutes=max(1, round(seconds / MINUTE)))
    step = 1 if seconds < FINE_S else COARSE_S
    return words("queue.seconds", seconds=max(1, round(seconds / step) * step))


def in_line(words: Words, ahead: int, seconds: float | None) -> str:
    """Say the place in line, and the time until the last picture where that can be known."""
    where = place(words, ahead)
    if seconds is None:
        return where
    return words("waiting.timed", place=where, time=about(words, seconds))


def waiting(
    words: Words, request: GenerationRequest, price: int, placed: Placed, notes: tuple[str, ...]
) -> Letter:
    """Return the card of an order that has been placed; `notes` are whole sentences."""
    facts = words("waiting.facts", price=price, left=placed.balance.left)
    if placed.slow:
        facts = words("waiting.slow", at=placed.balance.resets_at)
    lines = [
        f"### {in_line(words, placed.ahead, placed.seconds)}",
        quote(request.prompt),
        *notes,
        f"-# {facts}",
    ]
    return _open_card(words, placed.id, lines, CALM)


def drawing(
    words: Words,
    generation_id: str,
    request: GenerationRequest,
    picture: int,
    percent: int,
    preview: bytes | None,
    *,
    spoiler: bool = False,
) -> Letter:
    """Return the card of an order at work on its picture `picture` (1-based)."""
    filled = CELLS * percent // 100
    key = "drawing.one" if request.count == 1 else "drawing.many"
    lines = [
        f"### {words(key, picture=picture, count=request.count)}",
        quote(request.prompt),
        f"`{'█' * filled}{'░' * (CELLS - filled)}` {percent}%",
    ]
    return _open_card(words, generation_id, lines, BUSY, preview=preview, spoiler=spoiler)


def stopping(words: Words, generation_id: str) -> Letter:
    """Return the card of an order that is being cancelled."""
    return _open_card(words, generation_id, [words("stopping")], BUSY, disabled=True)


def _open_card(
    words: Words,
    generation_id: str,
    lines: list[str],
    colour: discord.Colour,
    *,
    preview: bytes | None = None,
    spoiler: bool = False,
    disabled: bool = False,
) -> Letter:
    card: ui.Container[ui.LayoutView] = ui.Container(accent_colour=colour)
    card.add_item(ui.TextDisplay("\n".join(lines)))
    attachments = (Attachment("preview.png", preview),) if preview else ()
    if attachments:
        shown = discord.MediaGalleryItem("attachment://preview.png", spoiler=spoiler)
        card.add_item(ui.MediaGallery(shown))
    card.add_item(ui.ActionRow(press(words, "cancel", generation_id, disabled=disabled)))
    return Letter(letters.layout(card), attachments)


def notice(text: str) -> Letter:
    """Return a card of one text, for a message that cannot be taken back any more."""
    card: ui.Container[ui.LayoutView] = ui.Container(accent_colour=SORRY)
    card.add_item(ui.TextDisplay(text))
    return Letter(letters.layout(card))
