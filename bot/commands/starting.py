"""Options that several commands share that start from a picture; each only where it has a use."""

from collections.abc import Callable, Iterator, Sequence

import discord
from discord import app_commands

from bot.answers import Press
from bot.cards import preset_list
from bot.commands.assembly import Choices, Option, variant_option
from bot.loras import offers
from bot.services import Services
from bot.wishes import sources
from engine.variants.bounds import Accepts
from engine.variants.catalog import Variant

TEXT_LIMIT = 6000
"""Discord's limit for a text option."""


def able(services: Services, can: Callable[[Accepts], bool]) -> list[Variant]:
    """Return the switched-on variants that can."""
    variants = (services.catalog[name] for name in services.catalog.names)
    return [variant for variant in variants if can(variant.accepts)]


def drawing(services: Services) -> list[Variant]:
    """Return the variants that draw from words alone, or else all."""
    every = able(services, lambda accepts: True)
    return [one for one in every if not one.accepts.needs_picture] or every


def usual(services: Services, interaction: Press, variants: Sequence[Variant]) -> Variant:
    """Return the one of these that is named so far, else the member's own, else the first."""
    named = getattr(interaction.namespace, "variant", None)
    own = services.habits.known(interaction.user.id).get("variant")
    by_name = {one.name: one for one in variants}
    return next((by_name[one] for one in (named, own) if one in by_name), variants[0])


def prompt(key: str, variants: Sequence[Variant], *, is_required: bool = False) -> Option:
    """Return the option for words."""
    longest = min(TEXT_LIMIT, max(variant.prompt_limit for variant in variants))
    kind = app_commands.Range[str, 1, longest]
    return Option(name="prompt", kind=kind, key=key, is_required=is_required)


def pictures(services: Services) -> Iterator[Option]:
    """Yield the options that name the picture: an attachment, or a number."""
    yield Option(name="image", kind=discord.Attachment, key="start.image")

    async def suggest(interaction: Press, typed: str) -> Choices:
        return await sources.offered(services, interaction, typed)

    # `from` is a word of Python; the option's name is a text.
    yield Option(name="source", kind=str, key="start.source", suggest=suggest)


def order(
    services: Services, variants: Sequence[Variant], *, is_counted: bool = True
) -> Iterator[Option]:
    """Yield the options of every order: variant, number of pictures, seed."""
    if len(variants) > 1:
        yield variant_option(services, variants, "imagine.variant")
    if is_counted:
        most = max(variant.max_count for variant in variants)
        yield Option(name="count", kind=app_commands.Range[int, 1, most], key="imagine.count")
    if any(variant.seeds for variant in variants):
        yield Option(name="seed", kind=str, key="imagine.seed")
    yield preset(services)
    if any(variant.loras for variant in variants):
        yield lora(services, variants)


def preset(services: Services) -> Option:
    """Return the option that names a preset; those within reach are offered."""

    async def suggest(interaction: Press, typed: str) -> Choices:
        return await preset_list.offered(services, interaction, typed)

    return Option(name="preset", kind=str, key="imagine.preset", suggest=suggest)


def lora(services: Services, variants: Sequence[Variant], *, is_kept: bool = False) -> Option:
    """Return the option for LoRAs, which suggests those that the named variant takes.

    Of one that `is_kept`, where none is named, those of the member's own.
    """

    async def suggest(interaction: Press, typed: str) -> Choices:
        named = getattr(interaction.namespace, "variant", None)
        variant = next((one for one in variants if one.name == named), variants[0])
        if is_kept:
            variant = usual(services, interaction, variants)
        return await offers.several(services, interaction, typed, variant.name)

    return Option(name="lora", kind=str, key="imagine.lora", suggest=suggest)
