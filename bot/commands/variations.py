"""/variations: pictures near one that there is."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from bot.answers import Press
from bot.client import Tree
from bot.commands import assembly, starting
from bot.commands.assembly import Option
from bot.errors import PictureNotGiven
from bot.orders import placing
from bot.services import Services
from bot.wishes import editing, starts
from bot.wishes.editing import Asked
from engine.variants.catalog import Variant


def register(tree: Tree, services: Services) -> None:
    """Add the command, where a variant has a use for it."""
    variants = starting.able(services, starts.varies)
    if not variants:
        return
    usual = min(editing.VARIATIONS, *(one.max_count for one in variants))

    async def answer(interaction: Press, **given: Any) -> None:
        image, nearness = given.pop("image"), given.pop("nearness", None)
        if image is None and not given["source"]:
            raise PictureNotGiven
        asked = Asked(
            **given,
            images=(image,) if image else (),
            strength=starts.NEARNESS[nearness] if nearness else None,
        )
        asked = editing.flagged(services, asked)
        asked = replace(asked, count=asked.count or usual)
        await placing.submit(
            services, interaction, lambda: editing.vary(services, interaction, asked)
        )

    assembly.add(tree, services, "variations", list(_options(services, variants)), answer)


def _options(services: Services, variants: Sequence[Variant]) -> Iterator[Option]:
    yield from starting.pictures(services)
    if any(starts.paints(one.accepts) for one in variants):
        choices = assembly.word_choices(services, "variations.nearness_", starts.NEARNESS)
        yield Option(name="nearness", kind=str, key="variations.nearness", choices=choices)
    yield starting.prompt("start.prompt_option", variants)
    yield from starting.order(services, variants)
