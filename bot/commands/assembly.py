"""Builds commands whose options depend on the variants that are switched on.

discord.py reads a command's options from its callback's signature, so one is made for it.
"""

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from discord import app_commands

from bot.answers import Press
from bot.client import Tree
from bot.services import Services
from engine.variants.catalog import Variant

MOST_CHOICES = 25
Choices = list[app_commands.Choice[str]]
Suggest = Callable[[Press, str], Coroutine[Any, Any, Choices]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option: its name in code, the key of its texts, and what Discord offers for it.

    The text of `key` is its name, and that of `key` with `_hint` says what it is for; `params`
    stand in both.
    """

    name: str
    kind: Any
    key: str
    is_required: bool = False
    params: Mapping[str, object] = field(default_factory=dict)
    choices: Choices | None = None
    suggest: Suggest | None = None


def add(
    tree: Tree | app_commands.Group,
    services: Services,
    key: str,
    options: Sequence[Option],
    answer: Callable[..., Awaitable[None]],
) -> None:
    """Add a command with these options; `answer` gets the interaction and them by name."""
    mark = services.texts.mark

    async def callback(interaction: Press, **given: Any) -> None:
        if given.get("variant"):
            given["variant"] = variant_named(services, given["variant"])
        await answer(interaction, **given)

    itself = inspect.Parameter("interaction", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    made: Any = callback
    made.__signature__ = inspect.Signature([itself, *map(_parameter, options)])
    for one in options:
        hint = mark(f"{one.key}_hint", **one.params)
        made = app_commands.describe(**{one.name: hint})(made)
        made = app_commands.rename(**{one.name: mark(one.key, **one.params)})(made)
        if one.choices is not None:
            made = app_commands.choices(**{one.name: one.choices})(made)
    command = tree.command(name=mark(f"{key}.name"), description=mark(f"{key}.description"))(made)
    for one in options:
        if one.suggest is not None:
            command.autocomplete(one.name)(one.suggest)


def variant_option(services: Services, variants: Sequence[Variant], key: str) -> Option:
    """Return the option that names a variant: as choices, or suggested where they are too many."""
    choices, suggest = variant_choices(services, variants), variant_suggest(services, variants)
    return Option(name="variant", kind=str, key=key, choices=choices, suggest=suggest)


def variant_choices(services: Services, variants: Sequence[Variant]) -> Choices | None:
    """Return a choice for each variant, under its display name; None where Discord takes fewer."""
    if len(variants) > MOST_CHOICES:
        return None
    texts = services.texts
    return [
        app_commands.Choice(
            name=texts.mark(key) if texts.has(key := f"variants.{one.name}") else one.name,
            value=one.name,
        )
        for one in variants
    ]


def variant_suggest(
    services: Services, variants: Sequence[Variant], *, is_open: bool = False
) -> Suggest | None:
    """Return what suggests variants by what was typed of their names, where they are many.

    Or where others may be typed as well.
    """
    if len(variants) <= MOST_CHOICES and not is_open:
        return None

    async def suggest(interaction: Press, typed: str) -> Choices:
        words, wanted = services.words(interaction.locale), typed.strip().casefold()
        named = [(words.name(f"variants.{one.name}", one.name), one.name) for one in variants]
        fitting = [
            app_commands.Choice(name=shown, value=name)
            for shown, name in named
            if wanted in f"{shown} {name}".casefold()
        ]
        return fitting[:MOST_CHOICES]

    return suggest


def choosing_variant(
    services: Services, callback: Any, variants: Sequence[Variant] | None = None
) -> Any:
    """Offer all variants as the choices of an option `variant`, where they fit in.

    Of fewer `variants` there are no choices: Discord would let nobody type another one, and tell
    them nothing.
    """
    choices = None if variants else variant_choices(services, _all(services))
    return callback if choices is None else app_commands.choices(variant=choices)(callback)


def suggesting_variant(
    services: Services, command: Any, variants: Sequence[Variant] | None = None
) -> None:
    """Suggest them while they are typed, where they do not."""
    is_open = bool(variants)
    if suggest := variant_suggest(services, variants or _all(services), is_open=is_open):
        command.autocomplete("variant")(suggest)


def variant_named(services: Services, typed: str) -> str:
    """Return the variant that was picked, or typed by its display name in any language.

    Raises VariantUnknown.
    """
    catalog, wanted = services.catalog, typed.strip().casefold()
    for name in catalog.names:
        key, spoken = f"variants.{name}", services.texts.words.values()
        called = {name, *(show(key, name) for one in spoken for show in (one.name, one.short))}
        if wanted in {one.casefold() for one in called}:
            return name
    return catalog[typed].name


def _all(services: Services) -> list[Variant]:
    return [services.catalog[name] for name in services.catalog.names]


def word_choices(services: Services, prefix: str, words: Iterable[str]) -> Choices:
    """Return a choice for each word; the text of `prefix` and the word is its name."""
    return [
        app_commands.Choice(name=services.texts.mark(f"{prefix}{word}"), value=word)
        for word in words
    ]


def _parameter(option: Option) -> inspect.Parameter:
    return inspect.Parameter(
        option.name,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        annotation=option.kind,
        default=inspect.Parameter.empty if option.is_required else None,
    )
