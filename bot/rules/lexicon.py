"""Where Chinese words begin and end: the likeliest way to read a line, by a dictionary's counts.

`lexicon.marisa` is made of jieba's dictionary (MIT, see lexicon.LICENSE) by `python -m
bot.rules.lexicon dict.txt`: words of up to six signs, each with the logarithm of its count. It is
mapped into memory, so that it costs a bot next to nothing.
"""

import math
import sys
from functools import cache
from pathlib import Path

import marisa_trie

LEXICON = Path(__file__).with_name("lexicon.marisa")
LONGEST = 6
LEAST = 3
"""Rarer words are left out."""
SCALE = 14
"""A count's logarithm times this fits a byte."""
TOTAL = SCALE * math.log(60_101_967)
"""All counts together."""


def edges(line: str) -> frozenset[int]:
    """Return the places in a line of Chinese where a word begins or ends."""
    known, length = _known(), len(line)
    best = [(0.0, length)] * (length + 1)
    for start in range(length - 1, -1, -1):
        options = [(best[start + 1][0] - TOTAL, start + 1)]
        for word in known.prefixes(line[start : start + LONGEST]):
            end = start + len(word)
            options.append((best[end][0] + known[word][0][0] - TOTAL, end))
        best[start] = max(options)
    places, at = {0}, 0
    while at < length:
        at = best[at][1]
        places.add(at)
    return frozenset(places)


@cache
def _known() -> marisa_trie.RecordTrie:
    return marisa_trie.RecordTrie("<B").mmap(str(LEXICON))


def _made(dictionary: Path) -> marisa_trie.RecordTrie:
    rows = (line.split()[:2] for line in dictionary.read_text("utf-8").splitlines())
    counts = {word: int(count) for word, count in rows if _fits(word, int(count))}
    scaled = {word: round(SCALE * math.log(count or 1)) for word, count in counts.items()}
    return marisa_trie.RecordTrie("<B", ((word, (min(255, one),)) for word, one in scaled.items()))


def _fits(word: str, count: int) -> bool:
    is_chinese = all("\u4e00" <= char <= "\u9fff" for char in word)
    return is_chinese and len(word) <= LONGEST and (len(word) == 1 or count >= LEAST)


if __name__ == "__main__":
    _made(Path(sys.argv[1])).save(str(LEXICON))
