"""Options typed behind a prompt, as elsewhere: `a fox --ar 16:9 --no hats`, `熊猫 -竖图`. Pure.

Only words that are known stand for options, in any of the languages, and only at the end; anything
else stays in the prompt as it was typed. What is chosen as an option of the command counts more.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from bot.i18n import Texts
from bot.wishes.options import RawOptions

OPTIONS = ("size", "count", "seed", "negative", "steps", "guidance")
MARK = re.compile(r"(?:^|(?<=\s))(?:--|——|—|–|-)(?=[^\W_])")
"""Phones make one long dash of two short ones."""
NAME = re.compile(r"(?P<name>[^\s:：=]+)[\s:：=]*(?P<value>.*)", re.DOTALL)
WHOLE = re.compile(r"[0-9]{1,4}")
DECIMAL = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3})?")


def flag_words(texts: Texts) -> Mapping[str, str]:
    """Return which option each word stands for, in all languages."""
    return {
        word: option
        for words in texts.words.values()
        for option in OPTIONS
        for word in words(f"flags.{option}").split()
    }


def taken(raw: RawOptions, names: Mapping[str, str], sizes: Iterable[str]) -> RawOptions:
    """Return the options with those from the end of the prompt, and the prompt without them."""
    known = set(sizes)
    prompt, found = raw.prompt, dict[str, Any]()
    while marks := list(MARK.finditer(prompt)):
        read = _read(prompt[marks[-1].end() :].strip(), names, known)
        if read is None:
            break
        option, value = read
        found.setdefault(option, value)
        prompt = prompt[: marks[-1].start()].rstrip()
    given = {name: one for name, one in found.items() if getattr(raw, name) is None}
    return replace(raw, prompt=prompt, **given) if found else raw


def _read(text: str, names: Mapping[str, str], sizes: set[str]) -> tuple[str, Any] | None:
    if text.casefold() in sizes:
        return "size", text
    match = NAME.fullmatch(text)
    if match is None or (option := names.get(match["name"].casefold())) is None:
        return None
    value = match["value"].strip()
    if option in ("count", "steps"):
        return (option, int(value)) if WHOLE.fullmatch(value) else None
    if option == "guidance":
        return (option, float(value)) if DECIMAL.fullmatch(value) else None
    return (option, value) if value else None
