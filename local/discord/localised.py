"""Command names as a member's own client shows them, and back; knows no wire and no world."""

from collections.abc import Mapping
from typing import Any

Spec = dict[str, Any]

SUBCOMMANDS = (1, 2)


def localised(spec: Mapping[str, Any], locale: str) -> Spec:
    """Return a command, option or choice with its names and descriptions in one locale."""
    shown = dict(spec)
    for key in ("name", "description"):
        translated = (spec.get(f"{key}_localizations") or {}).get(locale)
        if translated:
            shown[key] = translated
    for key in ("options", "choices"):
        if key in spec:
            shown[key] = [localised(part, locale) for part in spec[key] or []]
    return shown


def answers_to(spec: Mapping[str, Any], name: str) -> bool:
    """Whether a command, option or choice has this name, in any language."""
    names = {spec["name"], *(spec.get("name_localizations") or {}).values()}
    return name.casefold() in {known.casefold() for known in names}


def wire_names(data: Mapping[str, Any], spec: Mapping[str, Any]) -> Spec:
    """Return interaction data with default names, which are the only ones that Discord sends."""
    plain = {**data, "name": spec["name"]}
    if "options" in data:
        plain["options"] = [_wire_option(option, spec) for option in data["options"]]
    return plain


def _wire_option(option: Mapping[str, Any], spec: Mapping[str, Any]) -> Spec:
    declared = next(
        (part for part in spec.get("options") or [] if answers_to(part, option["name"])), None
    )
    return dict(option) if declared is None else wire_names(option, declared)
