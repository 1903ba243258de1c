"""Options typed behind a prompt, as elsewhere: `a fox --ar 16:9 --no hats`, `熊猫 -竖图`. Pure.

Only words that are known stand for options, in any of the languages, and only at the end. What
looks like one of them there and is none is told apart, so that it can be asked about; any other
dash stays in the prompt as it was typed. What is chosen as an option of the command counts more.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.i18n import Texts, Words
from bot.wishes.options import RawOptions, is_visible
from engine.variants.catalog import Variant

OPTIONS = ("size", "count", "seed", "negative", "steps", "guidance")
MARK = re.compile(r"(?:^|(?<=\s))(?:--|——|—|–|-)(?=[^\W_])")
"""Phones make one long dash of two short ones."""
NAME = re.compile(r"(?P<name>[^\s:：=]+)[\s:：=]*(?P<value>.*)", re.DOTALL)
LIKE_ONE = re.compile(r"--[^\W_](?:[\w-]{0,30}\w)?(?:[\s:：=]+[^\s:：=]{1,40})?")
"""Two dashes and a word, with one more at most: of prose more would follow, or a space stand."""
WHOLE = re.compile(r"[0-9]{1,4}")
DECIMAL = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class Taken:
    """The options without those behind the prompt that nobody understands, and those as typed."""

    raw: RawOptions
    unread: str = ""

    @property
    def whole(self) -> RawOptions:
        """Return the options with what was not understood as part of the prompt."""
        return replace(self.raw, prompt=f"{self.raw.prompt} {self.unread}".strip())


def flag_words(texts: Texts) -> Mapping[str, str]:
    """Return which option each word stands for, in all languages."""
    return {
        word: option
        for words in texts.words.values()
        for option in OPTIONS
        for word in words(f"flags.{option}").split()
    }


def taken(
    raw: RawOptions, names: Mapping[str, str], sizes: Iterable[str], *, has_picture: bool = False
) -> Taken:
    """Return the options with those from the end of the prompt, and the prompt without them.

    Where nothing else stands in it, what is not understood is the prompt, but for one that
    `has_picture` beside it.
    """
    known, found, unread = set(sizes), dict[str, Any](), list[str]()
    end = len(raw.prompt)
    for mark in reversed(list(MARK.finditer(raw.prompt))):
        if (read := _read(raw.prompt[mark.end() : end].strip(), names, known)) is not None:
            found.setdefault(*read)
        elif LIKE_ONE.fullmatch(text := raw.prompt[mark.start() : end].strip()):
            unread.insert(0, text)
        else:
            break
        end = mark.start()
    if not (found or unread):
        return Taken(raw)
    prompt, left = raw.prompt[:end].rstrip(), " ".join(unread)
    if not has_picture and not any(map(is_visible, prompt)):
        prompt, left = left, ""  # there is nothing to draw without it
    given = {name: one for name, one in found.items() if getattr(raw, name) is None}
    return Taken(replace(raw, prompt=prompt, **given), left)


def examples(words: Words, variant: Variant) -> str:
    """Return what can be typed behind a prompt for a variant, each with a value."""
    values = {
        "size": "3:4",
        "count": "2" if variant.max_count > 1 else "",
        "seed": "7" if variant.seeds else "",
        "negative": words("flags.example_negative") if variant.negative else "",
        "steps": str(variant.steps.default) if variant.steps.is_choice else "",
        "guidance": f"{variant.guidance.default:g}" if variant.guidance.is_choice else "",
    }
    each = ((words(f"flags.{option}").split()[0], values[option]) for option in OPTIONS)
    return words("list.comma").join(f"`--{name} {value}`" for name, value in each if value)


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
