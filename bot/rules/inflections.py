"""The forms in which an English word counts as itself; by spelling alone, no dictionary."""

from collections.abc import Iterator

VOWELS = "aeiou"
HISSES = ("s", "x", "z", "ch", "sh")


def forms(word: str) -> Iterator[str]:
    """Yield a word with its regular plural and, unless it is short, its past and -ing."""
    yield word
    if len(word) < 2 or not word[-1].isascii() or not word[-1].isalpha():
        return
    yield f"{word}es" if word.endswith(HISSES) else f"{word}s"
    if word.endswith("y") and word[-2] not in VOWELS:
        yield f"{word[:-1]}ies"
        yield f"{word[:-1]}ied"
    if len(word) > 3:
        yield from _verb(word)


def _verb(word: str) -> Iterator[str]:
    stem = word
    if word.endswith("e"):
        stem = word[:-1]
    elif _doubles(word):
        stem = word + word[-1]
    yield f"{stem}ing"
    yield f"{stem}ed"


def _doubles(word: str) -> bool:
    """Tell whether a word ends as *strip* does."""
    consonant, vowel, last = word[-3], word[-2], word[-1]
    return last not in f"{VOWELS}wxys" and vowel in VOWELS and consonant not in VOWELS
