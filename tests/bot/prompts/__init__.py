"""Prompts to hold the shipped rules to: harmless ones, such as they speak of, and disguises.

`bad.txt` names the kind of rule that is to speak. What it says of minors are names of things, never
a scene; the rest of that kind is put together by tests from the words of the rules themselves.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import opencc

HERE = Path(__file__).parent
GREEK_AND_CYRILLIC = str.maketrans("aeopcxy", "аеорсху")
FULL_WIDTH = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})
LEET = str.maketrans("oeas", "03@5")

HOSTILE = (
    *("林阴道", "naked mole rat ", "裸 体", "n u d e ", "p0rn$"),
    *("ﷺ", "性交通", "\u0301\u200b", "15岁裸"),
)
"""What makes a prompt slow to be read when it is repeated to the limit."""


def benign() -> list[str]:
    """Return the harmless prompts."""
    return (HERE / "benign.txt").read_text("utf-8").splitlines()


def bad() -> list[tuple[str, str]]:
    """Return the others, each with the kind of rule that is to speak."""
    rows = (HERE / "bad.txt").read_text("utf-8").splitlines()
    return [(kind, prompt) for kind, _, prompt in (row.partition("\t") for row in rows)]


def is_chinese(prompt: str) -> bool:
    """Tell in which of the two languages a prompt counts."""
    return any("\u4e00" <= char <= "\u9fff" for char in prompt)


def disguised() -> Iterator[tuple[str, str, str]]:
    """Yield each bad prompt in each disguise: the disguise, the kind, the prompt."""
    for name, disguise in DISGUISES.items():
        for kind, prompt in bad():
            if (hidden := disguise(prompt)) != prompt:
                yield name, kind, hidden


def _invisible(prompt: str) -> str:
    return "\u200b".join(prompt)


def _spaced(prompt: str) -> str:
    if is_chinese(prompt):
        return " ".join(prompt)
    return "  ".join(" ".join(word) for word in prompt.split(" "))


def _traditional(prompt: str) -> str:
    return str(_converter().convert(prompt))


@cache
def _converter() -> opencc.OpenCC:
    return opencc.OpenCC("s2t")


def _accented(prompt: str) -> str:
    return "".join(char + "\u0301" if char in "aeiou" else char for char in prompt)


DISGUISES: Mapping[str, Callable[[str], str]] = {
    "UPPER CASE": str.upper,
    "full width": lambda prompt: prompt.translate(FULL_WIDTH),
    "invisible signs": _invisible,
    "look-alike letters": lambda prompt: prompt.translate(GREEK_AND_CYRILLIC),
    "digits for letters": lambda prompt: prompt.translate(LEET),
    "accents": _accented,
    "traditional": _traditional,
    "letters apart": _spaced,
}
