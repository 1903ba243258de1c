"""Text as rules compare it: one case, one width, one script for what looks or reads the same.

Simplified stands for traditional Chinese, a Latin letter for those that are drawn like it, nothing
for what is not drawn at all. What separates words becomes one blank; nothing separates Chinese, and
letters that stand alone in a row are one word. Each folded character knows where it came from.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import opencc

WEAK, STRONG = " ", ","
WIDE = "!"
"""Several blanks at once, until lone letters are joined; it sorts between the two."""
SEPARATORS = WEAK + WIDE + STRONG
"""What separates words, and what separates sentences or the items of a list."""
STOPS = set(",;!?，。、；！？\n\r|()[]{}（）【】「」『』《》\u2028\u2029")
DRAWN_AS_NOTHING = {"Cf", "Mn", "Me", "Cc"}
ALONE = re.compile(r"(?<![^ !,])(?:(?:[a-z] ){2,}|(?:[a-z]!){2,})[a-z](?![^ !,])")
LEET = str.maketrans("013457@$!", "oieastasi")
UNSEEN = "[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]*"
LEETED = re.compile(f"[a-zA-Z]{UNSEEN}[013457@$!]|[013457@$!]{UNSEEN}[a-zA-Z]")
FULL_WIDTH = {code + 0xFEE0: chr(code) for code in range(0x21, 0x7F)}
WORD = re.compile(r"\S{3,}")


@dataclass(frozen=True, slots=True)
class Folded:
    """Folded text; `at` says of each of its characters where in the original it stood.

    `seams` are places in Chinese where the original had a blank.
    """

    text: str
    at: tuple[int, ...]
    seams: frozenset[int] = frozenset()

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return a span of the folded text as one of the original."""
        return self.at[start], self.at[end - 1] + 1


def views(text: str) -> Iterator[Folded]:
    """Yield the folded text, and once more with digits and signs read as the letters they mimic."""
    yield fold(text)
    narrow = text.translate(FULL_WIDTH)
    if LEETED.search(narrow):
        yield fold(WORD.sub(_read, narrow))


def fold(text: str) -> Folded:
    """Return the folded text."""
    return _joined(_assembled(text))


def is_han(char: str) -> bool:
    """Tell whether a character is Chinese."""
    return "\u4e00" <= char <= "\u9fff" or "\u3400" <= char <= "\u4dbf" or char >= "\U00020000"


def _read(word: re.Match[str]) -> str:
    return word[0].translate(LEET) if LEETED.search(word[0]) else word[0]


def _assembled(text: str) -> Folded:
    out: list[str] = []
    at: list[int] = []
    seams: set[int] = set()
    pending = ""
    for index, piece in enumerate(map(_piece, text)):
        for one in piece:
            if one in SEPARATORS:
                pending = max(pending, WIDE if pending == one == WEAK else one)
                continue
            if pending and out:
                if pending != STRONG and is_han(one) and is_han(out[-1]):
                    seams.add(len(out))
                else:
                    out.append(pending)
                    at.append(index)
            pending = ""
            out.append(one)
            at.append(index)
    return Folded("".join(out), tuple(at), frozenset(seams))


def _joined(folded: Folded) -> Folded:
    """Return it with the blanks between lone letters left out."""
    spans = [match.span() for match in ALONE.finditer(folded.text)]
    folded = replace(folded, text=folded.text.replace(WIDE, WEAK))
    if not spans:
        return folded
    left_out = set(_blanks(folded.text, spans))
    kept = [index for index in range(len(folded.text)) if index not in left_out]
    text = "".join(folded.text[index] for index in kept)
    seams = (place for place, index in enumerate(kept) if index in folded.seams)
    return Folded(text, tuple(folded.at[index] for index in kept), frozenset(seams))


def _blanks(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[int]:
    for start, end in spans:
        yield from (index for index in range(start, end) if text[index] in SEPARATORS)


@lru_cache(maxsize=20_000)
def _piece(char: str) -> str:
    """Return what a character is compared as; a separator, or nothing, where it is no letter."""
    if char in STOPS:
        return STRONG
    if unicodedata.category(char) in DRAWN_AS_NOTHING:
        return ""
    decomposed = unicodedata.normalize("NFKD", char).casefold()
    bare = "".join(one for one in decomposed if unicodedata.category(one) not in DRAWN_AS_NOTHING)
    return "".join(map(_letter, unicodedata.normalize("NFC", bare)))


def _letter(char: str) -> str:
    if not char.isalnum():
        return STRONG if char in STOPS else WEAK
    if char.isascii():
        return char
    return _simplified().convert(char) if is_han(char) else _latin(char)


def _latin(char: str) -> str:
    # Its tables take 15 MB, and most prompts never have such a letter.
    from confusable_homoglyphs import confusables

    alike = confusables.is_confusable(char, preferred_aliases=["latin"])
    twins = [one["c"].casefold() for found in alike or [] for one in found["homoglyphs"]]
    return next((one for one in twins if len(one) == 1 and one.isascii() and one.isalnum()), char)


@cache
def _simplified() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")
