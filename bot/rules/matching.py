"""Finds which rules speak of a text. Pure: it knows no Discord, no order and no server.

English words count as whole words in their regular forms, Chinese ones where the text, read as
words, has them; `*` at an end of a rule's word lets it go on there. Aho and Corasick's automaton
looks for all of them at once.
"""

import bisect
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

import ahocorasick

from bot.rules import lexicon
from bot.rules.folding import SEPARATORS, WEAK, Folded, fold, is_han, views
from bot.rules.inflections import forms

PATTERN = "re:"
"""Before a regular expression, which is matched against folded text; for hosts alone."""


class Action(StrEnum):
    """What a rule does with an order, the mildest first."""

    SPOILER = "spoiler"
    REPLACE = "replace"
    ASK = "ask"
    BLOCK = "block"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rule:
    """One rule: it speaks of a text that has one of `words`, and one of `also` if there are any.

    An `adult_only` rule is silent in age-restricted channels. In what is not to be drawn it counts
    where it is `in_negative`.
    """

    kind: str
    action: Action
    words: tuple[str, ...] = field(repr=False)
    also: tuple[str, ...] = field(default=(), repr=False)
    adult_only: bool = False
    in_negative: bool = True
    replacement: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that speaks of a text, and where."""

    rule: Rule
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Term:
    """Whose word it is (None: what is allowed), whether one of `also`, and which ends are open."""

    rule: int | None
    is_also: bool
    opens_left: bool
    opens_right: bool


@dataclass(frozen=True, slots=True)
class _Span:
    term: _Term
    start: int
    end: int


class Rules:
    """Rules made ready; what lies within an `allowed` phrase is not spoken of."""

    def __init__(self, rules: Sequence[Rule], allowed: Iterable[str] = ()) -> None:
        self._rules = tuple(rules)
        self._patterns: list[tuple[re.Pattern[str], _Term]] = []
        self._terms: dict[str, list[_Term]] = {}
        for number, rule in enumerate(self._rules):
            for is_also, words in ((False, rule.words), (True, rule.also)):
                for word in words:
                    self._add(word, number, is_also=is_also)
        for phrase in allowed:
            self._add(phrase, None, is_also=False)
        self._automaton = _automaton(self._terms)

    @property
    def rules(self) -> Sequence[Rule]:
        """Return the rules, the first ones first."""
        return self._rules

    def hits(self, text: str) -> list[Hit]:
        """Return every place where a rule speaks of the text, in its order."""
        spans = [span for view in views(text) for span in self._spans(view)]
        allowed = _Allowed([span for span in spans if span.term.rule is None])
        counted = [span for span in spans if span.term.rule is not None and span not in allowed]
        joined = {span.term.rule for span in counted if span.term.is_also}
        found = {
            Hit(self._rules[number], span.start, span.end)
            for span in counted
            if not span.term.is_also and (number := span.term.rule) is not None
            if not self._rules[number].also or number in joined
        }
        return sorted(found, key=lambda hit: (hit.start, -hit.end))

    def _add(self, word: str, rule: int | None, *, is_also: bool) -> None:
        if word.startswith(PATTERN):
            pattern = re.compile(word.removeprefix(PATTERN))
            self._patterns.append((pattern, _Term(rule, is_also, True, True)))
            return
        term = _Term(rule, is_also, word.startswith("*"), word.endswith("*"))
        folded = key(word)
        if not folded:
            return
        last = "" if term.opens_right or is_han(folded[-1]) else folded.rpartition(WEAK)[2]
        for form in forms(last) if last else [last]:
            self._terms.setdefault(folded[: len(folded) - len(last)] + form, []).append(term)

    def _spans(self, view: Folded) -> Iterator[_Span]:
        edges = _Edges(view)
        for end, (length, terms) in self._found(view.text):
            start = end - length + 1
            left, right = edges.at(start), edges.at(end + 1)
            for term in terms:
                if (left or term.opens_left) and (right or term.opens_right):
                    yield _Span(term, *view.original(start, end + 1))
        for pattern, term in self._patterns:
            for match in pattern.finditer(view.text):
                if match.end() > match.start():
                    yield _Span(term, *view.original(*match.span()))

    def _found(self, text: str) -> Iterable[tuple[int, tuple[int, list[_Term]]]]:
        return self._automaton.iter(text) if self._automaton is not None else ()


class _Allowed:
    """The spans within which nothing is spoken of; a hostile prompt may have thousands."""

    def __init__(self, spans: Iterable[_Span]) -> None:
        places = sorted((span.start, span.end) for span in spans)
        self._starts = [start for start, _ in places]
        self._ends = list(itertools.accumulate((end for _, end in places), max))

    def __contains__(self, span: _Span) -> bool:
        before = bisect.bisect_right(self._starts, span.start)
        return before > 0 and self._ends[before - 1] >= span.end


class _Edges:
    """Where words begin and end in a folded text; Chinese is read only where it is asked for."""

    def __init__(self, view: Folded) -> None:
        self._text, self._seams = view.text, view.seams
        self._known: dict[int, frozenset[int]] = {}

    def at(self, place: int) -> bool:
        """Tell whether a word begins or ends before the character at `place`."""
        if place in (0, len(self._text)):
            return True
        before, after = _script(self._text[place - 1]), _script(self._text[place])
        if before != after:
            return True
        return before == "han" and (place in self._seams or self._reads(place))

    def _reads(self, place: int) -> bool:
        start, end = self._lines[bisect.bisect_right(self._lines, (place, len(self._text))) - 1]
        if start not in self._known:
            self._known[start] = lexicon.edges(self._text[start:end])
        return place - start in self._known[start]

    @cached_property
    def _lines(self) -> list[tuple[int, int]]:
        """Where the lines of Chinese begin and end."""
        lines, at = [], 0
        for chinese, line in itertools.groupby(self._text, is_han):
            length = sum(1 for _ in line)
            if chinese:
                lines.append((at, at + length))
            at += length
        return lines


def key(word: str) -> str:
    """Return a rule's word as it is compared; empty where nothing is left of it."""
    return fold(word.strip("*")).text.strip(SEPARATORS)


def _automaton(terms: dict[str, list[_Term]]) -> ahocorasick.Automaton | None:
    if not terms:
        return None
    made = ahocorasick.Automaton()
    for word, of in terms.items():
        made.add_word(word, (len(word), of))
    made.make_automaton()
    return made


def _script(char: str) -> str:
    if is_han(char):
        return "han"
    if char.isdigit():
        return "digit"
    return "letter" if char.isalpha() else "none"
