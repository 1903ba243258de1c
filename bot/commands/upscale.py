"""/upscale: the same picture, larger and with more in it."""

from collections.abc import Iterator, Sequence
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

USUAL = "2x"


def register(tree: Tree, services: Services) -> None:
    """Add the command, where a variant has a use for it."""
    variants = starting.able(services, starts.paints)
    if not variants:
        return

    async def answer(interaction: Press, **given: Any) -> None:
        image, scale = given.pop("image"), given.pop("scale") or USUAL
        if image is None and not given["source"]:
            raise PictureNotGiven
        asked = editing.flagged(services, Asked(**given, images=(image,) if image else ()))
        asked = asked.without("size", "count")
        times = starts.SCALES[scale]
        await placing.submit(
            services, interaction, lambda: editing.upscale(services, interaction, asked, times)
        )

    assembly.add(tree, services, "upscale", list(_options(services, variants)), answer)


def _options(services: Services, variants: Sequence[Variant]) -> Iterator[Option]:
    yield from starting.pictures(services)
    choices = assembly.word_choices(services, "upscale.scale_", starts.SCALES)
    yield Option(name="scale", kind=str, key="upscale.scale", choices=choices)
    yield starting.prompt("start.prompt_option", variants)
    yield from starting.order(services, variants, is_counted=False)
