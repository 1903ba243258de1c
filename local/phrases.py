"""What a member types, understood as their client would: pure, with no world and no wire."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from local.discord.localised import SUBCOMMANDS, answers_to
from local.errors import CannotSay

Spec = Mapping[str, Any]


class Kind(IntEnum):
    """The types of options that are coerced; the numbers are Discord's."""

    TEXT = 3
    INTEGER = 4
    BOOLEAN = 5
    USER = 6
    CHANNEL = 7
    ROLE = 8
    MENTIONABLE = 9
    NUMBER = 10
    FILE = 11


class Part(IntEnum):
    """The types of a form's fields that hold more than text; the numbers are Discord's."""

    SELECT = 3
    FILES = 19


NAMED = (Kind.USER, Kind.CHANNEL, Kind.ROLE, Kind.MENTIONABLE)
BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Command:
    """A command under its registered name, with typed options."""

    name: str
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Button:
    """A button that can be pressed."""

    label: str
    custom_id: str


def parse_command(text: str, specs: Sequence[Spec], people: Mapping[str, Any]) -> Command:
    """Read `/command option:value option:value`, in the registered or a translated language."""
    path, leaf, rest = _walk(text.removeprefix("/"), specs)
    fields = {field: spec["name"] for spec in leaf.get("options") or [] for field in _names(spec)}
    said = parse_fields(rest, fields)
    declared = {spec["name"]: spec for spec in leaf.get("options") or []}
    options = {name: coerce(declared[name], value, people) for name, value in said.items()}
    return Command(" ".join(path), options)


def parse_fields(text: str, fields: Mapping[str, str]) -> dict[str, str]:
    """Read `name:value name:value`; values may hold spaces, so only known names end one."""
    names = "|".join(re.escape(name) for name in sorted(fields, key=len, reverse=True))
    found = list(re.finditer(rf"(?:^|\s)({names})\s*[:：]", text, re.IGNORECASE)) if names else []
    lead = text[: found[0].start()] if found else text
    if lead.strip():
        known = ", ".join(sorted(set(fields.values()))) or "none"
        raise CannotSay(f"“{lead.strip()}” belongs to no option; there are: {known}.")
    ends = [*(match.start() for match in found[1:]), len(text)] if found else []
    lower = {name.casefold(): key for name, key in fields.items()}
    return {
        lower[match[1].casefold()]: text[match.end() : end].strip()
        for match, end in zip(found, ends, strict=True)
    }


def coerce(spec: Spec, value: str, people: Mapping[str, Any]) -> Any:
    """Turn what was typed into what the client sends for this option."""
    if spec.get("choices") and not spec.get("autocomplete"):
        return _choice(spec, value)
    convert: dict[Kind, Callable[[str], Any]] = {
        Kind.TEXT: str,
        Kind.INTEGER: int,
        Kind.NUMBER: float,
        Kind.BOOLEAN: lambda said: BOOLEANS[said.casefold()],
        Kind.FILE: lambda said: (Path(said).name, Path(said).read_bytes()),
    }
    try:
        return convert.get(Kind(spec["type"]), people.__getitem__)(value)
    except (KeyError, ValueError, OSError):
        kind = Kind(spec["type"])
        known = f"; there are: {', '.join(people)}" if kind in NAMED and people else ""
        said = f"“{value}” is no {kind.name.lower()} for the option {spec['name']}{known}."
        raise CannotSay(said) from None


def find_entry(said: str, menu: Sequence[Spec]) -> str | None:
    """Return the registered name of a message menu's entry, or None where it has no such."""
    return next((str(spec["name"]) for spec in menu if answers_to(spec, said.strip())), None)


def standing(part: Spec) -> Any:
    """Return what a form's field holds before anything is typed, or None for nothing."""
    if part["type"] == Part.SELECT:
        chosen = [one["value"] for one in part["options"] if one.get("default")]
        return chosen or None
    return part.get("value")


def field_value(part: Spec, said: str) -> Any:
    """Turn what was typed into what the client sends for a form's field."""
    if part["type"] == Part.SELECT:
        return [_choice({"name": "it", "choices": _as_choices(part["options"])}, said)]
    if part["type"] == Part.FILES:
        try:
            return [(Path(one).name, Path(one).read_bytes()) for one in said.split()]
        except OSError:
            raise CannotSay(f"“{said}” names no files that can be read.") from None
    return said


def _as_choices(options: Sequence[Spec]) -> list[Spec]:
    return [{"name": one["label"], "value": one["value"]} for one in options]


def find_button(said: str, buttons: Sequence[Button]) -> Button:
    """Return the button with this label; `label #2` is the second of several alike."""
    alike = named(said, buttons)
    number = _numbered(said)[1]
    if number and number <= len(alike):
        return alike[number - 1]
    if len(alike) == 1 and not number:
        return alike[0]
    labels = ", ".join(f"“{button.label}”" for button in buttons) or "none"
    problem = f"{len(alike)} buttons are" if alike else "no button is"
    raise CannotSay(f"{problem} called “{said}”; the buttons are: {labels}.")


def named(said: str, buttons: Sequence[Button]) -> list[Button]:
    """Return all buttons with this label."""
    label = plain(_numbered(said)[0])
    return [button for button in buttons if plain(button.label) == label]


def plain(label: str) -> str:
    """Return a label without emoji, case and outer space."""
    kept = (char for char in label if unicodedata.category(char) not in ("So", "Sk", "Cf", "Mn"))
    return "".join(kept).strip().casefold()


def _numbered(said: str) -> tuple[str, int]:
    match = re.fullmatch(r"(.*\S)\s*#(\d+)", said)
    return (match[1], int(match[2])) if match else (said, 0)


def _walk(text: str, specs: Sequence[Spec]) -> tuple[list[str], Spec, str]:
    path: list[str] = []
    while True:
        word, _, rest = text.strip().partition(" ")
        node = next((spec for spec in specs if answers_to(spec, word)), None)
        if node is None:
            known = ", ".join(spec["name"] for spec in specs) or "none"
            raise CannotSay(f"there is no command “{word}” here; there are: {known}.")
        path.append(node["name"])
        specs = [part for part in node.get("options") or [] if part["type"] in SUBCOMMANDS]
        if not specs:
            return path, node, rest
        text = rest


def _names(spec: Spec) -> set[str]:
    return {spec["name"], *(spec.get("name_localizations") or {}).values()}


def _choice(spec: Spec, value: str) -> Any:
    for choice in spec["choices"]:
        if answers_to(choice, value) or str(choice["value"]) == value:
            return choice["value"]
    known = ", ".join(choice["name"] for choice in spec["choices"])
    raise CannotSay(f"“{value}” is no choice of {spec['name']}; there are: {known}.")
