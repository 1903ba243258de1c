"""What the rules say to an order: drawn, hidden, in other words, after a question, or not. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

from bot.rules.matching import Action, Hit, Rule, Rules

STRICT = {Action.ASK, Action.BLOCK}


@dataclass(frozen=True, slots=True)
class Finding:
    """The rule that decides, and the words of the prompt that it speaks of."""

    rule: Rule
    words: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is to be done; `prompt` and `negative` are in the words that rules put in.

    `done` are kinds and actions, for counting.
    """

    prompt: str = field(repr=False)
    negative: str = field(repr=False)
    blocked: Finding | None = None
    asked: Finding | None = None
    is_spoiler: bool = False
    done: frozenset[tuple[str, Action]] = frozenset()

    @property
    def replaced(self) -> int:
        """Return how many rules put other words in."""
        return sum(action == Action.REPLACE for _, action in self.done)

    @classmethod
    def of(
        cls,
        books: Sequence[Rules],
        prompt: str,
        negative: str,
        *,
        beside: str = "",
        age_restricted: bool,
    ) -> Self:
        """Return what several books of rules say together; the strictest has the last word.

        What cards show `beside` the prompt is held to what blocks and what asks.
        """

        def heard(text: str, *, negative: bool = False) -> list[Hit]:
            found = (hit for book in books for hit in book.hits(text))
            return [hit for hit in found if _counts(hit.rule, age_restricted, negative)]

        hits, unwanted = heard(prompt), heard(negative, negative=True)
        told = [(hit, prompt) for hit in hits] + [(hit, negative) for hit in unwanted]
        told += [(hit, beside) for hit in heard(beside) if hit.rule.action in STRICT]
        said, left_out = _replaced(prompt, hits), _replaced(negative, unwanted)
        # New words may be what another book forbids.
        again = heard(said) if said != prompt else []
        told += [(hit, said) for hit in again if hit.rule.action == Action.BLOCK]
        return cls(
            prompt=said,
            negative=left_out,
            blocked=_first(told, Action.BLOCK),
            asked=_first(told, Action.ASK),
            is_spoiler=any(hit.rule.action == Action.SPOILER for hit in hits),
            done=frozenset((hit.rule.kind, hit.rule.action) for hit, _ in told),
        )


def _counts(rule: Rule, age_restricted: bool, negative: bool) -> bool:
    if negative and not rule.in_negative:
        return False
    return not (rule.adult_only and age_restricted)


def _first(told: Iterable[tuple[Hit, str]], action: Action) -> Finding | None:
    for hit, text in told:
        if hit.rule.action == action:
            return Finding(hit.rule, text[hit.start : hit.end])
    return None


def _replaced(text: str, hits: Iterable[Hit]) -> str:
    """Return the text with what `replace` rules put in; of overlapping ones the first and longest.

    Hits come in the order of the text, the longer first.
    """
    parts, at = [], 0
    for hit in hits:
        if hit.rule.action == Action.REPLACE and hit.start >= at:
            parts += [text[at : hit.start], hit.rule.replacement]
            at = hit.end
    return "".join([*parts, text[at:]]).strip()
