"""What a form must remember until it comes back, written into the custom ids of its parts.

Discord hands them back with the form, after a restart too; nothing is kept here.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

LIMIT = 100
"""Discord's limit for a custom id."""
MARK = "~"


def spread(text: str, names: Sequence[str]) -> Mapping[str, str]:
    """Return a custom id for each name, with the text in them. Raises ValueError if it is long."""
    ids = {}
    for name in names:
        room = LIMIT - len(name) - len(MARK)
        ids[name] = f"{name}{MARK}{text[:room]}"
        text = text[room:]
    if text:
        raise ValueError("no room for all of it")
    return ids


def gathered(custom_ids: Iterable[str], order: Sequence[str]) -> str:
    """Return the text that `spread` wrote, with names in this order."""
    parts = dict(map(split, custom_ids))
    return "".join(parts.get(name, "") for name in order)


def split(custom_id: str) -> tuple[str, str]:
    """Return the name in a custom id, and its part of the text."""
    name, _, part = custom_id.partition(MARK)
    return name, part


def typed(data: Mapping[str, Any]) -> Mapping[str, str]:
    """Return what stands in the text fields of a form that came back, by their custom ids."""
    inputs = [label["component"] for label in data["components"] if "component" in label]
    return {one["custom_id"]: str(one.get("value") or "") for one in inputs}
