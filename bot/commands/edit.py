"""/edit: what should change in a picture, or what to draw after pictures that are looked at."""

from collections.abc import Iterator, Sequence
from typing import Any

import discord

from bot.answers import Press
from bot.client import Tree
from bot.commands import assembly, starting
from bot.commands.assembly import Choices, Option
from bot.commands.imagine import size_choices
from bot.errors import PictureNotGiven
from bot.orders import placing
from bot.services import Services
from bot.wishes import editing, starts
from bot.wishes.editing import Asked
from engine.variants.catalog import Variant

MOST_PICTURES = 10


def register(tree: Tree, services: Services) -> None:
    """Add the command, where a variant has a use for it."""
    variants = starting.able(services, starts.edits)
    if not variants:
        return

    async def answer(interaction: Press, **given: Any) -> None:
        asked = editing.flagged(services, _asked(given))
        # What needs no look at the picture is answered before anything public appears.
        if not asked.images and not asked.source:
            raise PictureNotGiven
        await placing.submit(
            services, interaction, lambda: editing.edit(services, interaction, asked)
        )

    assembly.add(tree, services, "edit", list(_options(services, variants)), answer)


def _options(services: Services, variants: Sequence[Variant]) -> Iterator[Option]:
    yield starting.prompt("edit.prompt", variants, is_required=True)
    yield from starting.pictures(services)
    if any(one.accepts.mask for one in variants):
        yield Option(name="mask", kind=discord.Attachment, key="start.mask")
    if any(starts.paints(one.accepts) for one in variants):
        choices = assembly.word_choices(services, "start.change_", starts.CHANGES)
        yield Option(name="change", kind=str, key="start.change", choices=choices)
    yield from starting.order(services, variants)

    async def offer_sizes(interaction: Press, typed: str) -> Choices:
        named = getattr(interaction.namespace, "variant", None)
        variant = next((one for one in variants if one.name == named), variants[0])
        words = services.words(interaction.locale)
        return size_choices(words, variant, typed, services.reader.size_words)

    yield Option(name="size", kind=str, key="edit.size", suggest=offer_sizes)
    most = max(one.accepts.most_references for one in variants)
    for nth in range(2, min(MOST_PICTURES, most) + 1):
        yield Option(
            name=f"image{nth}", kind=discord.Attachment, key="start.more", params={"nth": nth}
        )


def _asked(given: dict[str, Any]) -> Asked:
    names = ("image", *(f"image{nth}" for nth in range(2, MOST_PICTURES + 1)))
    change = given.get("change")
    return Asked(
        prompt=given["prompt"],
        images=tuple(given[name] for name in names if given.get(name)),
        source=given.get("source"),
        mask=given.get("mask"),
        variant=given.get("variant"),
        size=given.get("size"),
        count=given.get("count"),
        seed=given.get("seed"),
        lora=given.get("lora"),
        preset=given.get("preset"),
        strength=starts.CHANGES[change] if change else None,
    )
