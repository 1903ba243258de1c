"""Reads a host's rules from TOML; those about minors are ours, whatever the file says."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.rules.matching import Action, Rule, Rules

SHIPPED = Path(__file__).with_name("shipped.toml")
MINORS = "minors"
LIST = "@"
ALLOWED = "allowed"
BROKEN = (OSError, KeyError, TypeError, ValueError, re.error)
"""What `load` may raise of a file that somebody wrote by hand."""


def load(path: Path = SHIPPED) -> Rules:
    """Return the rules of a file. Raises one of BROKEN where it is of no use."""
    shipped, chosen = _read(SHIPPED), _read(path)
    ours = [rule for rule in _rules(shipped) if rule.kind == MINORS]
    theirs = [rule for rule in _rules(chosen) if rule.kind != MINORS]
    allowed = (phrase for file in (shipped, chosen) for phrase in _lists(file).get(ALLOWED, ()))
    return Rules([*ours, *theirs], [*dict.fromkeys(allowed)])


def _read(path: Path) -> Mapping[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _lists(file: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
    return {name: tuple(words) for name, words in file.get("lists", {}).items()}


def _rules(file: Mapping[str, Any]) -> Iterator[Rule]:
    lists = _lists(file)
    for one in file.get("rule", ()):
        said = {**one, "action": Action(one["action"])}
        for name in ("words", "also"):
            said[name] = tuple(_words(one.get(name, ()), lists))
        try:
            yield Rule(**said)
        except TypeError as error:
            raise ValueError(f"a rule of kind {one.get('kind')}: {error}") from error


def _words(said: Iterable[str], lists: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for word in said:
        if word.startswith(LIST):
            yield from lists[word.removeprefix(LIST)]
        else:
            yield word
