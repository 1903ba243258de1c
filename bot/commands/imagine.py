"""/imagine: the options of the variants that draw from words, handed on as they were typed."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from discord import app_commands

from bot.answers import Press
from bot.cards import preset_list
from bot.client import Tree
from bot.commands import assembly, starting
from bot.i18n import Words
from bot.loras import offers
from bot.orders import asking
from bot.servers import places
from bot.services import Services
from bot.wishes import sizes
from bot.wishes.options import RawOptions
from engine.errors import RequestRefused
from engine.variants.catalog import Variant

MOST_CHOICES = 25


def register(tree: Tree, services: Services) -> None:
    """Add the command."""
    mark = services.texts.mark

    async def imagine(interaction: Press, **options: Any) -> None:
        # Wrong input is answered before anything public appears.
        if options.get("variant"):
            options["variant"] = assembly.variant_named(services, options["variant"])
        await asking.order(services, interaction, RawOptions(**options))

    async def offer_sizes(interaction: Press, typed: str) -> list[app_commands.Choice[str]]:
        variant = services.catalog[await _variant(services, interaction)]
        words = services.words(interaction.locale)
        return size_choices(words, variant, typed, services.reader.size_words)

    async def offer_presets(interaction: Press, typed: str) -> list[app_commands.Choice[str]]:
        return await preset_list.offered(services, interaction, typed)

    async def offer_loras(interaction: Press, typed: str) -> list[app_commands.Choice[str]]:
        variant = await _variant(services, interaction)
        return await offers.several(services, interaction, typed, variant)

    variants = starting.drawing(services)
    fewer = variants if len(variants) < len(services.catalog.names) else None
    options = list(_options(variants, polishes=services.writer is not None))
    itself = inspect.Parameter("interaction", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    # discord.py reads a command's options from its signature; ours depends on the catalog.
    callback: Any = imagine
    callback.__signature__ = inspect.Signature([itself, *options])
    names = [option.name for option in options]
    describe = app_commands.describe(**{name: mark(f"imagine.{name}_hint") for name in names})
    rename = app_commands.rename(**{name: mark(f"imagine.{name}") for name in names})
    command = tree.command(name=mark("imagine.name"), description=mark("imagine.description"))(
        assembly.choosing_variant(services, rename(describe(callback)), fewer)
    )
    assembly.suggesting_variant(services, command, fewer)
    command.autocomplete("size")(offer_sizes)
    command.autocomplete("preset")(offer_presets)
    if "lora" in names:
        command.autocomplete("lora")(offer_loras)


async def _variant(services: Services, interaction: Press) -> str:
    """Return the variant that is named so far, or would be drawn with here."""
    catalog = services.catalog
    named = getattr(interaction.namespace, "variant", None)
    usual = services.habits.known(interaction.user.id).get("variant")
    chosen = next((one for one in (named, usual) if one in catalog.names), None)
    here = await places.manner(services, places.place(interaction))
    filled = places.filled(services, RawOptions(prompt="", variant=chosen), here)
    return filled.variant or catalog.default.name


def size_choices(
    words: Words, variant: Variant, typed: str, size_words: Mapping[str, str]
) -> list[app_commands.Choice[str]]:
    """Return what was typed as it would be drawn, and the presets that contain it.

    All presets where nothing contains it.
    """
    presets = [
        app_commands.Choice(
            name=f"{words.name(f'sizes.{name}', name)} · {width}×{height}"[:100], value=name
        )
        for name, (width, height) in variant.sizes.presets.items()
    ]
    wanted = typed.strip().casefold()
    matching = [one for one in presets if wanted in f"{one.value} {one.name}".casefold()]
    preset = size_words.get(wanted, wanted)
    matching = [one for one in presets if one.value == preset] or matching
    free = [] if preset in variant.sizes.presets else list(_drawn(typed, variant, size_words))
    return [*free, *(matching or presets)][:MOST_CHOICES]


def _drawn(
    typed: str, variant: Variant, size_words: Mapping[str, str]
) -> Iterator[app_commands.Choice[str]]:
    with suppress(RequestRefused):
        size = sizes.parse(typed, variant, size_words)
        said, drawn = typed.strip()[:50], f"{size.width}×{size.height}"
        is_drawn = said.replace("x", "×") == drawn
        yield app_commands.Choice(name=drawn if is_drawn else f"{said} → {drawn}", value=said)


def _options(variants: Sequence[Variant], *, polishes: bool) -> Iterator[inspect.Parameter]:
    longest = min(starting.TEXT_LIMIT, max(variant.prompt_limit for variant in variants))
    text = app_commands.Range[str, 1, longest]
    yield _option("prompt", text, required=True)
    yield _option("variant", str)
    yield _option("size", str)
    yield _option("preset", str)
    if any(variant.loras for variant in variants):
        yield _option("lora", str)
    yield _option("count", app_commands.Range[int, 1, max(one.max_count for one in variants)])
    if any(variant.seeds for variant in variants):
        yield _option("seed", str)
    if any(variant.negative for variant in variants):
        yield _option("negative", text)
    if steps := [variant.steps for variant in variants if variant.steps.is_choice]:
        bounds = min(one.least for one in steps), max(one.most for one in steps)
        yield _option("steps", app_commands.Range[int, bounds[0], bounds[1]])
    if scales := [variant.guidance for variant in variants if variant.guidance.is_choice]:
        floats = min(one.least for one in scales), max(one.most for one in scales)
        yield _option("guidance", app_commands.Range[float, floats[0], floats[1]])
    yield _option("spoiler", bool)
    if polishes:
        yield _option("polish", bool)


def _option(name: str, kind: Any, *, required: bool = False) -> inspect.Parameter:
    default = inspect.Parameter.empty if required else None
    return inspect.Parameter(
        name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=kind, default=default
    )
