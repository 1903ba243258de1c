"""Prompts that stand for several, and words for lists: `{red|blue} cat`, `a __colour__ cat`. Pure.

Every combination is a prompt of its own, since one order has one prompt and can be drawn again as
it is. Of a list one entry is picked, the same in every combination; by the seed where there is one,
so that the same command gives the same prompts. A backslash before `{`, `|`, `}` or `__` takes the
meaning away; braces without a bar have none.
"""

import random
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import prod
from pathlib import Path
from typing import Union

from bot.cards.remarks import Remarks
from bot.errors import CombinationsTooMany
from bot.i18n import DEFAULT

LISTS = Path(__file__).with_name("wildcards.toml")
MOST = 10
"""Each is a message of its own."""
DEEPEST = 8
TOKEN = re.compile(
    r"\\(?P<escaped>[{}|]|__)"
    r"|(?P<sign>[{|}])"
    r"|__(?P<name>[^\W_]+(?:[_-][^\W_]+)*)__"
)
NAMED = 12
"""Lists told to a member who has named one that there is not."""

Part = Union[str, "Group"]


@dataclass(frozen=True, slots=True)
class Group:
    """What stands in braces: one of these."""

    options: Sequence[Sequence[Part]]


def expanded(prompt: str, seed: int | None, limit: int = MOST) -> list[str]:
    """Return the prompts that a prompt stands for, mostly itself.

    Raises CombinationsTooMany.
    """
    if not TOKEN.search(prompt):
        return [prompt]
    chance = random.Random(seed)  # no secret
    parts = _read(prompt, chance)
    if _count(parts) > limit:
        raise CombinationsTooMany(limit=limit)
    return list(dict.fromkeys(_spelt(parts)))


def remarks(prompt: str, language: str) -> Remarks:
    """Return what the cards say of a name that no list has: it stays as it was typed."""
    named = (token["name"] for token in TOKEN.finditer(prompt) if token["name"])
    unknown = next((name for name in named if _list(name) is None), None)
    if unknown is None:
        return {}
    known = list(lists().get(language, lists()[DEFAULT]))[:NAMED]
    return {"no_list": {"value": unknown[:40], "lists": ", ".join(known)}}


@cache
def lists() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Return the entries of each list by language and name."""
    return tomllib.loads(LISTS.read_text(encoding="utf-8"))


def _read(prompt: str, chance: random.Random) -> list[Part]:
    groups: list[list[list[Part]]] = [[[]]]  # those that are open, the innermost last
    at = 0
    for token in TOKEN.finditer(prompt):
        groups[-1][-1].append(prompt[at : token.start()])
        at = token.end()
        if token["sign"]:
            _take(groups, token["sign"])
        elif token["name"]:
            groups[-1][-1].append(_picked(token["name"], chance))
        else:
            groups[-1][-1].append(token["escaped"])
    groups[-1][-1].append(prompt[at:])
    while len(groups) > 1:  # never closed: it stands for itself
        options = groups.pop()
        groups[-1][-1] += ["{", *_barred(options)]
    return groups[0][0]


def _take(groups: list[list[list[Part]]], sign: str) -> None:
    if sign == "{":
        if len(groups) > DEEPEST:
            raise CombinationsTooMany(limit=MOST)
        groups.append([[]])
    elif len(groups) == 1:
        groups[0][0].append(sign)
    elif sign == "|":
        groups[-1].append([])
    else:
        options = groups.pop()
        groups[-1][-1] += [Group(options)] if len(options) > 1 else ["{", *options[0], "}"]


def _barred(options: Sequence[Sequence[Part]]) -> Iterator[Part]:
    for nth, option in enumerate(options):
        if nth:
            yield "|"
        yield from option


def _picked(name: str, chance: random.Random) -> str:
    entries = _list(name)
    return f"__{name}__" if entries is None else chance.choice(entries)


def _list(name: str) -> Sequence[str] | None:
    wanted = name.casefold()
    return next((one[wanted] for one in lists().values() if wanted in one), None)


def _count(parts: Sequence[Part]) -> int:
    groups = (part for part in parts if isinstance(part, Group))
    return prod(sum(map(_count, group.options)) for group in groups)


def _spelt(parts: Sequence[Part]) -> Iterator[str]:
    choices = [
        [part] if isinstance(part, str) else [one for way in part.options for one in _spelt(way)]
        for part in parts
    ]
    for chosen in product(*choices):
        yield "".join(chosen)
