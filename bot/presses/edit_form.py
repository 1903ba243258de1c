"""The form that edits a picture of a message: what it asks, and the order that comes of it.

Which picture stands in the form itself, so that one that was open while the bot restarted is
answered like any other. Submissions are read from Discord's raw data, as in bot/presses/remix.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import discord
from discord import ui

from bot import answers
from bot.answers import Press
from bot.errors import MessageWithoutPicture, PictureUnfetched, PressOutdated
from bot.i18n import Words
from bot.orders import placing
from bot.presses import slips
from bot.presses.remix import OPEN_S, TEXT_LIMIT
from bot.services import Services
from bot.wishes import editing, fetch, sources, starts
from bot.wishes.editing import Asked
from engine.variants.catalog import Variant

FORM = "edit-form"
NAMES = (FORM, "prompt", "picture", "variant", "change", "mask", "more")
"""The form and its fields: what they remember is read in this order."""
MOST_FIELDS = 5
MOST_CHOICES = 25
FILE, NUMBER = "f", "n"
"""How a remembered picture begins: a file of Discord's, or the number of one of ours."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What the form is about: a remembered picture, or the pictures `choices` of an order."""

    remembered: str
    choices: tuple[int, ...] = ()


def of_order(generation_id: str, drawn: Sequence[int]) -> Subject:
    """Return an order's pictures, counted from 1. Raises MessageWithoutPicture."""
    if not drawn:
        raise MessageWithoutPicture
    if len(drawn) == 1:
        return Subject(NUMBER + sources.number(generation_id, drawn[0]))
    return Subject(NUMBER + generation_id, tuple(drawn))


def of_numbers(numbers: Sequence[str]) -> Subject:
    """Return several pictures of ours, to be looked at together."""
    return Subject(NUMBER + ",".join(numbers))


def of_message(interaction: Press, message: discord.Message) -> Subject:
    """Return what a message shows: our own originals, else the first picture in it.

    Raises MessageWithoutPicture, PictureFileTooLarge or PictureUnfetched.
    """
    snapshots = (one.attachments for one in message.message_snapshots)
    shown = [*message.attachments, *(file for files in snapshots for file in files)]
    ours = interaction.client.user
    if ours is not None and message.author.id == ours.id and message.attachments:
        return _of_ours([file.filename for file in message.attachments])
    pictures = [file for file in shown if (file.content_type or "").startswith("image/")]
    if not pictures:
        raise MessageWithoutPicture
    fetch.check(pictures[0])
    return Subject(FILE + fetch.path_of(pictures[0]))


async def open_form(services: Services, interaction: Press, subject: Subject) -> None:
    """Show the form. Raises PictureUnfetched where the picture's address is too long for it."""
    words = services.words(interaction.locale)
    able = [services.catalog[name] for name in services.catalog.names]
    able = [variant for variant in able if starts.edits(variant.accepts)]
    fields = dict(list(_fields(words, able, subject.choices))[:MOST_FIELDS])
    try:
        ids = slips.spread(subject.remembered, [FORM, *fields])
    except ValueError as error:
        raise PictureUnfetched from error
    form = ui.Modal(title=words("edit.title"), custom_id=ids[FORM], timeout=OPEN_S)
    for name, part in fields.items():
        part.custom_id = ids[name]
        form.add_item(
            ui.Label(
                text=words(f"edit_form.{name}"),
                description=_hint(words, name, able),
                component=part,
            )
        )
    await interaction.response.send_modal(form)


async def submitted(services: Services, interaction: Press) -> None:
    """Order what a submitted form says."""
    async with answers.guarded(interaction, services.words(interaction.locale)):
        asked = editing.flagged(services, _asked(interaction, {**(interaction.data or {})}))
        await placing.submit(
            services, interaction, lambda: editing.edit(services, interaction, asked)
        )


def _hint(words: Words, name: str, able: Sequence[Variant]) -> str:
    """Say what a field is for; under the variants, how to get at those that a form cannot hold."""
    if name != "variant" or len(able) <= MOST_CHOICES:
        return words(f"edit_form.{name}_hint")
    told = {"command": words("edit.name"), "option": words("imagine.variant")}
    return words("edit_form.variant_more_hint", count=MOST_CHOICES, **told)


def _of_ours(names: Sequence[str]) -> Subject:
    numbers = [number for name in names if (number := sources.of_file(name))]
    if not numbers:
        raise MessageWithoutPicture  # still being drawn
    order_id = numbers[0].partition("-")[0]
    return of_order(order_id, [int(one.partition("-")[2] or 1) for one in numbers])


def _fields(
    words: Words, able: Sequence[Variant], choices: Sequence[int]
) -> Iterator[tuple[str, Any]]:
    limit = min(TEXT_LIMIT, max((one.prompt_limit for one in able), default=TEXT_LIMIT))
    long = discord.TextStyle.paragraph
    yield "prompt", ui.TextInput(style=long, max_length=limit, min_length=1)
    if choices:
        # Counted as in the gallery, where one may be missing.
        numbers = [
            discord.SelectOption(label=f"{place}", value=f"{nth}")
            for place, nth in enumerate(choices, 1)
        ]
        numbers[0].default = True
        yield "picture", ui.Select(options=numbers)
    if len(able) > 1:
        named = [
            discord.SelectOption(
                label=words.name(f"variants.{one.name}", one.name)[:100], value=one.name
            )
            for one in able[:MOST_CHOICES]
        ]
        yield "variant", ui.Select(options=named, required=False, min_values=0)
    if any(starts.paints(one.accepts) for one in able):
        changes = [
            discord.SelectOption(label=words(f"start.change_{name}"), value=name)
            for name in starts.CHANGES
        ]
        yield "change", ui.Select(options=changes, required=False, min_values=0)
    if any(one.accepts.mask for one in able):
        yield "mask", ui.FileUpload(required=False, min_values=0, max_values=1)
    most = max((one.accepts.most_references for one in able), default=0)
    if most > 1:
        yield "more", ui.FileUpload(required=False, min_values=0, max_values=min(10, most) - 1)


def _asked(interaction: Press, data: Mapping[str, Any]) -> Asked:
    parts = [label["component"] for label in data["components"] if "component" in label]
    remembered = slips.gathered([data["custom_id"], *(one["custom_id"] for one in parts)], NAMES)
    said = {slips.split(one["custom_id"])[0]: one for one in parts}
    files = (data.get("resolved") or {}).get("attachments") or {}

    def chosen(name: str) -> list[str]:
        return list(said.get(name, {}).get("values") or ())

    def uploaded(name: str) -> list[discord.Attachment]:
        return [fetch.attachment_of(interaction, files[one]) for one in chosen(name)]

    kind, place = remembered[:1], remembered[1:]
    if kind not in (FILE, NUMBER):
        raise PressOutdated
    nth = next(iter(chosen("picture")), "")
    first = [fetch.at_path(interaction, place)] if kind == FILE else []
    change = next(iter(chosen("change")), None)
    return Asked(
        prompt=said.get("prompt", {}).get("value") or "",
        images=(*first, *uploaded("more")),
        source=(f"{place}-{nth}" if nth else place) if kind == NUMBER else None,
        mask=next(iter(uploaded("mask")), None),
        variant=next(iter(chosen("variant")), None),
        strength=starts.CHANGES.get(change) if change else None,
    )
