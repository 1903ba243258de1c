"""The words of a variant that understands only some; torch-free.

It owns the reading of the file that names them, and whether a prompt names any. It must not know
how anything is drawn, or what a member is told.
"""

import functools
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from engine.variants.phrasings import SPELLED, Phrasings, folded

LANGUAGES = ("en", "zh", "tw")
PLURALS = {
    "": "s",
    "s": "ses",
    "x": "xes",
    "ch": "ches",
    "sh": "shes",
    "o": "oes",
    "y": "ies",
    "f": "ves",
    "fe": "ves",
    "man": "men",
    "mouse": "mice",
}
"""What several of a thing end in, by what one ends in."""
IDLE_WORDS = {"a", "an", "the", "on", "in", "of", "with", "and", "background", "backdrop"}
IDLE_WORDS |= {"plain", "solid", "light", "dark", "pale", "bright"}
IDLE_SIGNS = set("背景底色纯純浅淺深淡亮的是在上和一个個张張")
"""With these a colour alone is asked for, and no thing."""

Names = Mapping[str, Sequence[str]]
"""What something is called in each language, the plain name first."""


class VocabularyUnreadable(ValueError):
    """The file is missing or is no vocabulary; the text names it and says why."""


class Vocabulary:
    """The things a variant can draw, by name, and the colours it can put behind them."""

    def __init__(
        self,
        things: Mapping[str, Names],
        colours: Iterable[Names],
        examples: Sequence[str],
        phrasings: Any = None,
    ) -> None:
        """Take names by key; `examples` are the keys of things to tell of, the best first.

        `phrasings` are all the sentences that they were learnt in; without them, whatever is said
        beside a name counts as known.
        Raises LookupError where there is nothing, or a language or an example is missing.
        """
        if not things:
            raise LookupError("things")
        self._count = len(things)
        told = [*(things[key] for key in examples), *things.values()]
        self._told = {language: _plain(told, language) for language in LANGUAGES}
        spelled, self._signs = _sorted_out(things.values())
        self._spelled = frozenset(f" {form} " for name in spelled for form in _forms(name))
        words, self._colour_signs = _sorted_out(colours)
        self._colour_words = IDLE_WORDS.union(*(name.split() for name in words))
        self._phrasings = None
        if phrasings is not None:
            counters = (one for thing in things.values() for one in thing.get("counter", ()))
            names = [*self._spelled, *words, *self._signs, *self._colour_signs, *counters]
            self._phrasings = Phrasings.read(phrasings, [*names, *IDLE_WORDS])

    @classmethod
    def load(cls, file: Path, examples: Sequence[str] = (), phrasings: Path | None = None) -> Self:
        """Read a file with a table `things`, and `background` where it knows colours.

        Raises VocabularyUnreadable.
        """
        try:
            raw = _read(file)
            said = None if phrasings is None else _read(phrasings)
            return cls(raw["things"], raw.get("background", ()), examples, said)
        except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
            cause = error.strerror if isinstance(error, OSError) else repr(error)
            named = file if phrasings is None else f"{file} with {phrasings}"
            raise VocabularyUnreadable(
                f"{named}, which a variant names as its vocabulary, cannot be used: {cause}."
            ) from error

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} things)"

    def knows(self, prompt: str) -> bool:
        """Tell whether a prompt names a thing in a way it has learnt, or asks for a colour alone.

        A Chinese name counts inside a longer word as well: to say nothing is the smaller mistake.
        """
        text = folded(prompt)
        if not self._names_thing(text):
            return self._is_idle(text)
        return self._phrasings is None or self._phrasings.account_for(text)

    def examples(self, language: str, count: int) -> tuple[str, ...]:
        """Return the plain names of a few things in one of LANGUAGES."""
        return self._told[language][:count]

    def _names_thing(self, text: str) -> bool:
        words = f" {' '.join(SPELLED.findall(text))} "
        return any(name in words for name in self._spelled) or any(n in text for n in self._signs)

    def _is_idle(self, text: str) -> bool:
        rest = SPELLED.sub(" ", text)
        for name in self._colour_signs:
            rest = rest.replace(name, "")
        said = (sign for sign in rest if sign not in IDLE_SIGNS)
        return self._colour_words.issuperset(SPELLED.findall(text)) and not any(map(_means, said))


@functools.cache
def _read(file: Path) -> Mapping[str, Any]:
    # Variants that share their weights share their words.
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _plain(things: Iterable[Names], language: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(thing[language][0] for thing in things))


def _sorted_out(rows: Iterable[Names]) -> tuple[list[str], list[str]]:
    """Return the names that are words apart, and those in Chinese signs, the longest first."""
    names = {folded(name) for row in rows for language in LANGUAGES for name in row[language]}
    in_signs = {name for name in names if any(sign > "ɏ" for sign in name)}
    spelled = [" ".join(SPELLED.findall(name)) for name in names - in_signs]
    return spelled, sorted(in_signs, key=len, reverse=True)


def _forms(name: str) -> Iterator[str]:
    yield name
    for one, several in PLURALS.items():
        if name.endswith(one):
            yield name.removesuffix(one) + several


def _means(sign: str) -> bool:
    # An emoji asks for something as well, though in no language that is read here.
    category = unicodedata.category(sign)
    return category[0] in "LN" or category == "So"
