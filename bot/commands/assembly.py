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
from engine.catalog import Variant

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


def variant_choices(services: Services, variants: Iterable[Variant]) -> Choices:
    """Return a choice for each variant, under its display name."""
    texts = services.texts
    return [
        app_commands.Choice(
            name=texts.mark(key) if texts.has(key := f"variants.{one.name}") else one.name,
            value=one.name,
        )
        for one in variants
    ][:MOST_CHOICES]


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
