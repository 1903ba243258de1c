"""The page of /help: the commands that are here, each a link where Discord has given it an id."""

from collections.abc import Collection, Iterator, Mapping

from discord import ui

from bot.cards import letters
from bot.cards.letters import Letter
from bot.cards.order_card import CALM
from bot.i18n import Words

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "draw": ("imagine", "edit", "variations", "expand", "upscale"),
    "mine": (
        *("history", "show", "again", "presets list", "presets save"),
        *("lora add", "lora list", "lora train", "defaults", "labels"),
        *("privacy export", "privacy forget"),
    ),
    "here": ("queue", "quota", "checkin", "variants", "verify"),
    "manage": ("settings show", "settings audit", "gift"),
    "host": ("admin status", "admin log"),
}
"""What is listed under which heading; of a group, the commands that matter most."""
LEFT_OUT = frozenset(
    {
        "help",
        "presets delete",
        *(f"lora {one}" for one in ("info", "rename", "set", "preview", "remove", "favourite")),
        *("lora share", "lora unshare"),
    }
)
"""What is found beside one that is listed, as soon as its group is typed."""
GROUPS_LEFT_OUT = frozenset({"settings", "admin"})
"""The groups whose other commands are found so, however many there are."""
SERVERS_ONLY = {"checkin"}
"""What is not there where no server added the bot; those of `manage` are shown to nobody there."""
KEYS = {"variants": "variant_list", "settings show": "settings"}
"""Where the texts of a command stand, if not under its name: of a group's, `group_command`."""


def card(
    words: Words,
    here: Collection[str],
    ids: Mapping[str, int],
    *,
    audience: Collection[str],
    brought_along: bool,
) -> Letter:
    """Return the page; of what is for those who `manage` or `host`, only the `audience`'s.

    Where the bot was `brought_along` it says so, and leaves out what only servers have.
    """
    shown: ui.Container[ui.LayoutView] = ui.Container(accent_colour=CALM)
    shown.add_item(ui.TextDisplay(words("help.title")))
    for section, commands in SECTIONS.items():
        if section in ("manage", "host") and section not in audience:
            continue
        fitting = [one for one in commands if not (brought_along and one in SERVERS_ONLY)]
        lines = [*_lines(words, fitting, here, ids)]
        if lines:
            shown.add_item(ui.Separator())
            head = f"**{words(f'help.{section}')}**"
            shown.add_item(ui.TextDisplay("\n".join([head, *lines])))
    shown.add_item(ui.Separator())
    shown.add_item(ui.TextDisplay(words("help.menus")))
    if brought_along:
        shown.add_item(ui.TextDisplay(words("help.brought_along")))
    return Letter(letters.layout(shown))


def _lines(
    words: Words, commands: Collection[str], here: Collection[str], ids: Mapping[str, int]
) -> Iterator[str]:
    for command in commands:
        group, _, inner = command.partition(" ")
        if command not in here:
            continue
        key = KEYS.get(command, command.replace(" ", "_"))
        yield f"{_link(words, command, group, inner, ids)} · {words(f'{key}.description')}"


def _link(words: Words, command: str, group: str, inner: str, ids: Mapping[str, int]) -> str:
    if group in ids:
        return f"</{command}:{ids[group]}>"
    names = [words(f"{KEYS.get(group, group)}.name")]
    if inner:
        names.append(words(f"{group}_{inner}.name"))
    return f"`/{' '.join(names)}`"
