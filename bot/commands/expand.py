"""/expand: what lies beyond a picture's sides."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from discord import app_commands

from bot.answers import Press
from bot.client import Tree
from bot.commands import assembly, starting
from bot.commands.assembly import Option
from bot.errors import PictureNotGiven
from bot.orders import placing
from bot.services import Services
from bot.wishes import editing, starts
from bot.wishes.canvases import Margins
from bot.wishes.editing import Asked
from engine.variants.catalog import Variant

SIDES = ("left", "top", "right", "bottom")
MOST_PERCENT = 100
USUAL = Margins(left=0.25, top=0.25, right=0.25, bottom=0.25)


def register(tree: Tree, services: Services) -> None:
    """Add the command, where a variant has a use for it."""
    variants = starting.able(services, starts.fills)
    if not variants:
        return

    async def answer(interaction: Press, **given: Any) -> None:
        image, aspect = given.pop("image"), given.pop("aspect")
        sides = {side: given.pop(side) for side in SIDES}
        if image is None and not given["source"]:
            raise PictureNotGiven
        asked = editing.flagged(services, Asked(**given, images=(image,) if image else ()))
        # What is a size elsewhere is the shape to be reached here.
        aspect, asked = aspect or asked.size, replace(asked, size=None)
        if aspect:
            services.reader.ratio(aspect)
        margins = _margins(sides, is_shaped=bool(aspect))
        await placing.submit(
            services,
            interaction,
            lambda: editing.expand(services, interaction, asked, margins, aspect),
        )

    assembly.add(tree, services, "expand", list(_options(services, variants)), answer)


def _options(services: Services, variants: Sequence[Variant]) -> Iterator[Option]:
    yield from starting.pictures(services)
    yield Option(name="aspect", kind=str, key="expand.aspect")
    for side in SIDES:
        kind = app_commands.Range[int, 0, MOST_PERCENT]
        yield Option(name=side, kind=kind, key=f"expand.{side}")
    yield starting.prompt("start.prompt_option", variants)
    yield from starting.order(services, variants)


def _margins(sides: dict[str, int | None], *, is_shaped: bool) -> Margins:
    if not is_shaped and all(percent is None for percent in sides.values()):
        return USUAL
    return Margins(**{side: (percent or 0) / 100 for side, percent in sides.items()})
