"""Sentences that a small model has learnt to be asked in; torch-free.

It owns how a prompt is read, and what of one is neither a name nor such a sentence. It must not
know which names there are.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

SPELLED = re.compile(r"[a-z0-9à-ɏ]+")
"""A word with a beginning and an end; Chinese has none, so its names count wherever they stand."""
HOLE = re.compile(r"\{\w+\}")
APART = re.compile(r"[\W_]+")
ASKING_SIGNS = "请請帮幫我你给給想要谢謝吧呢啊吗嗎了"
"""Said to somebody, and not of a picture."""
STRANGE_RUN = 2
"""So many Chinese signs in a row are a word; one alone is mostly grammar, or counts things."""


class Phrasings:
    """The words and the Chinese turns of some sentences, and of the names put into them."""

    def __init__(self, sentences: Iterable[str], names: Iterable[str]) -> None:
        """Take sentences, with {t} and the like where a name stands, and the names."""
        said = [folded(HOLE.sub(" ", one)) for one in sentences]
        known = [*said, *map(folded, names)]
        self._words = frozenset(word for text in known for word in SPELLED.findall(text))
        turns = {turn for text in known for turn in _signs(text).split()}
        longest_first = sorted(turns.union(ASKING_SIGNS), key=len, reverse=True)
        self._turns = re.compile("|".join(map(re.escape, longest_first)))

    @classmethod
    def read(cls, raw: Any, names: Iterable[str]) -> Self:
        """Take all texts of a TOML file, however deep they are. Raises LookupError without any."""
        sentences = list(_texts(raw))
        if not sentences:
            raise LookupError("phrasings")
        return cls(sentences, names)

    def account_for(self, text: str) -> bool:
        """Tell whether every word of a folded text is in them, and every run of Chinese signs."""
        words = (word for word in SPELLED.findall(text) if not word.isdigit())
        runs = self._turns.sub(" ", _signs(text)).split()
        return self._words.issuperset(words) and all(len(run) < STRANGE_RUN for run in runs)


def folded(text: str) -> str:
    """Return a text as all its spellings are compared."""
    return unicodedata.normalize("NFKC", text).casefold()


def _signs(text: str) -> str:
    return APART.sub(" ", SPELLED.sub(" ", text))


def _texts(raw: Any) -> Iterator[str]:
    if isinstance(raw, str):
        yield raw
    elif isinstance(raw, Mapping):
        yield from _texts(list(raw.values()))
    elif isinstance(raw, list):
        for one in raw:
            yield from _texts(one)
