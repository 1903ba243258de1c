"""Options that a member has kept, as words on a card."""

from collections.abc import Iterator, Mapping
from typing import Any

from bot.i18n import Words
from bot.markdown import plain

TEXT_SHOWN = 80
ORDER = (
    "style",
    "variant",
    "lora",
    "size",
    "count",
    "negative",
    "steps",
    "guidance",
    "spoiler",
    "polish",
)


def told(words: Words, options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the name in code of each option that is kept, and a text of its name and value."""
    for name in ORDER:
        if (value := options.get(name)) is not None:
            label = words(f"presets.{name}" if name == "style" else f"imagine.{name}")
            yield name, words("kept.option", name=label, value=_value(words, name, value))


def _value(words: Words, name: str, value: object) -> str:
    if name == "variant":
        return plain(words.short(f"variants.{value}", str(value)))
    if name == "size":
        return plain(words.name(f"sizes.{value}", str(value)))
    if name in ("spoiler", "polish"):
        return words("kept.yes" if value else "kept.no")
    if isinstance(value, float):
        return f"{value:g}"
    return plain(str(value), TEXT_SHOWN)
