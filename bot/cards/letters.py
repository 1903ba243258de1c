"""A message as a value: what it shows and the files it carries, to be sent as often as needed."""

import io
from collections.abc import Iterable
from dataclasses import dataclass

import discord
from discord import ui

TEXT_LIMIT = 3800
"""Discord's 4000 characters a message, less a title."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file to send; `name` is ASCII, since cards refer to it."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """A card and its files."""

    view: ui.LayoutView
    attachments: tuple[Attachment, ...] = ()

    def files(self) -> list[discord.File]:
        """Return the files as discord.py wants them: read once, so fresh ones for each attempt."""
        return [
            discord.File(io.BytesIO(one.content), filename=one.name) for one in self.attachments
        ]


def pages(entries: Iterable[str], most: int) -> list[list[str]]:
    """Return the entries of each page: at most so many, and as Discord takes in one message."""
    filled: list[list[str]] = [[]]
    for entry in entries:
        has_room = len(entry) + sum(map(len, filled[-1])) <= TEXT_LIMIT
        if filled[-1] and (not has_room or len(filled[-1]) == most):
            filled.append([])
        filled[-1].append(entry)
    return filled


def layout(*items: ui.Item[ui.LayoutView]) -> ui.LayoutView:
    """Return a Components V2 message of these parts.

    The view is stopped at once, so that discord.py does not keep it: presses are answered by
    custom id (bot/presses/buttons.py), whoever sent the message and however long ago.
    """
    view = ui.LayoutView(timeout=None)
    for item in items:
        view.add_item(item)
    view.stop()
    return view
