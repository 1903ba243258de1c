"""`python -m local.handbook` writes docs/commands.md from the command tree, as `make docs` does.

Every variant that ships is switched on for it, so that no option is missing.
"""

import asyncio
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.__main__ import COMMANDS
from bot.client import Reroll
from bot.i18n import CommandTranslator, Texts
from bot.services import Services
from bot.wishes.options import Reader
from bot.wishes.sizes import size_words
from engine.variants.catalog import VARIANTS, Catalog
from store.choices.servers import Defaults
from store.database import Database
from store.files import Files
from store.money.plans import PLANS, Plans
from worker.queue import Tickets

PAGE = Path(__file__).parents[1] / "docs" / "commands.md"
SITUATIONS = Path(__file__).with_name("situations.toml")
FIRST = "starter"
LANGUAGES = ("zh-CN", "zh-TW")
MENU, GROUPS = 3, (1, 2)
"""Discord's numbers: an entry in a message's menu; a subcommand and a group of them."""
KINDS = {
    3: "words",
    4: "a whole number",
    5: "yes or no",
    6: "a member",
    7: "a channel",
    8: "a role",
    10: "a number",
    11: "a file",
}
MANAGE = 1 << 5
"""Discord's permission to manage a server."""
MOST_CHOICES = 8
HEAD = """\
# Commands

<!-- Written by `make docs` from the bot's own command tree; do not edit. -->

Each command, option and choice has its own name in English, 简体中文 and 繁體中文, in this order;
everybody sees their own, and one that is the same in two languages stands once. Most are there
wherever a member is: in servers that have added the bot, in others and in direct messages if
[they have added it themselves](members.md#on-your-own-account). What they do is told in
[members.md](members.md) and, for those who manage a server, in [settings.md](settings.md).
"""

Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """A command as it is typed: its names with those of its groups, and what it asks for."""

    names: tuple[str, ...]
    payload: Payload
    top: Payload


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """Return the page as it should stand."""
    return "\n".join(_page(asyncio.run(_payloads())))


async def _payloads() -> list[dict[str, Any]]:
    texts = Texts()
    client = Reroll(_services(texts), COMMANDS)
    async with client:
        for register in COMMANDS:
            register(client.tree, client.services)
        client.settle_places()
        translator = CommandTranslator(texts)
        commands = client.tree.get_commands()
        return [await one.get_translated_payload(client.tree, translator) for one in commands]


def _services(texts: Texts) -> Services:
    names = sorted((path.stem for path in VARIANTS.glob("*.toml")), key=lambda name: name != FIRST)
    catalog = Catalog.load(names)
    return Services(
        database=Database("sqlite://"),
        files=Files("memory:///"),
        tickets=Tickets("redis://127.0.0.1:1/0"),
        catalog=catalog,
        defaults=Defaults(Plans.load(PLANS)),
        now=lambda: datetime.now(UTC),
        texts=texts,
        reader=Reader(catalog, size_words(texts)),
    )


def _page(payloads: Iterable[Payload]) -> Iterator[str]:
    yield HEAD
    yield from _situations()
    entries = [entry for one in payloads for entry in _entries(one)]
    menus = [entry for entry in entries if entry.top.get("type") == MENU]
    typed = [entry for entry in entries if entry.top.get("type") != MENU]
    yield "## For members\n"
    for entry in typed:
        if not _is_managed(entry):
            yield from _command(entry)
    yield "## In the menu of a message\n"
    for entry in menus:
        yield f"* {' · '.join(_names(entry.payload))}"
    yield "\n## For those who manage a server\n"
    for entry in typed:
        if _is_managed(entry):
            yield from _command(entry)


def _situations() -> Iterator[str]:
    described = tomllib.loads(SITUATIONS.read_text(encoding="utf-8"))
    if described:
        yield "## What it looks like\n"
        yield "In the [local Discord](../README.md#try-it), in English and in Chinese.\n"
    for name, situation in described.items():
        yield f"**{situation['title']}**\n"
        yield "| English | 中文 |\n|---|---|"
        shown = (
            f"![{situation[key]}](situations/{name}.{code}.webp)"
            for key, code in (("english", "en"), ("chinese", "zh"))
        )
        yield f"| {' | '.join(shown)} |\n"


def _entries(
    payload: Payload, before: tuple[str, ...] = (), top: Payload | None = None
) -> Iterator[Entry]:
    top = top or payload
    names = _names(payload)
    # A group's name stands before those of its commands, in each language.
    names = tuple(map(" ".join, zip(before, names, strict=True))) if before else names
    inner = [one for one in payload.get("options", []) if one["type"] in GROUPS]
    if not inner or payload.get("type") == MENU:
        yield Entry(names, payload, top)
    for one in inner:
        yield from _entries(one, names, top)


def _command(entry: Entry) -> Iterator[str]:
    typed = list(dict.fromkeys(f"`/{name}`" for name in entry.names))
    yield f"### {' · '.join(typed)}\n"
    said = [_said(entry.payload), *(_said(entry.payload, one) for one in LANGUAGES)]
    yield "  \n".join(dict.fromkeys(said))
    if entry.top.get("integration_types") == [0] and not _is_managed(entry):
        yield "  \nIn servers that have added the bot only."
    yield ""
    if options := entry.payload.get("options"):
        yield "| option | | takes |\n|---|---|---|"
        for option in options:
            names = " · ".join(f"`{name}`" for name in dict.fromkeys(_names(option)))
            needed = "" if option.get("required") else " *(optional)*"
            yield f"| {names} | {_said(option)}{needed} | {_takes(option)} |"
        yield ""


def _names(payload: Payload) -> tuple[str, ...]:
    translated = payload.get("name_localizations") or {}
    return (payload["name"], *(translated.get(one, payload["name"]) for one in LANGUAGES))


def _said(payload: Payload, locale: str | None = None) -> str:
    translated = payload.get("description_localizations") or {}
    said = translated.get(locale, payload["description"])
    return str(said).replace("|", "\\|")


def _takes(option: Payload) -> str:
    choices = option.get("choices") or []
    if choices and len(choices) <= MOST_CHOICES:
        return ", ".join(" · ".join(dict.fromkeys(_names(one))) for one in choices)
    kind = "one of a list" if choices else KINDS[option["type"]]
    bounds = [option.get(key) for key in ("min_value", "max_value")]
    if None not in bounds:
        kind = f"{bounds[0]:g} to {bounds[1]:g}"
    if most := option.get("max_length"):
        kind = f"{kind}, {most} characters at most"
    return f"{kind}, suggested while it is typed" if option.get("autocomplete") else kind


def _is_managed(entry: Entry) -> bool:
    return int(entry.top.get("default_member_permissions") or 0) & MANAGE > 0


if __name__ == "__main__":
    main()
