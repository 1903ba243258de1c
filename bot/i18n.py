"""Texts by key in the member's language; knows no card and no command."""

import re
import string
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import discord
from discord import app_commands

from bot.markdown import plain
from engine.errors import RerollError

LOCALES = Path(__file__).parent / "locales"
DEFAULT = "en-US"
"""Discord falls back from zh-TW to English, never to zh-CN; so do we, by having a file for each."""
TRADITIONAL = ("zh-hant", "zh-hk", "zh-mo")
"""What browsers of those who read zh-TW ask for, too."""
MOST_LISTED = 10
"""Of a list that an error names, so that it stays on a phone's screen."""
LISTS = {
    "known": "variants",
    "choices": "sizes",
    "permissions": "permissions",
    "bases": "lora_bases",
}
"""Parameters that list things by their internal names, and where their display names are."""
NAMED = {
    "variant": "variants",
    "plan": "plans",
    "base": "lora_bases",
    "rule_kind": "rule_kinds",
    "differs": "differs",
}
"""Parameters that are one internal name, and where its display name is."""


OURS = {"appeals"}
"""Parameters that are the server's own words, whose links are to work."""


class _Filling(string.Formatter):
    """Fills a text in; `{count:picture|pictures}` is the word that a number takes."""

    def format_field(self, value: Any, format_spec: str) -> str:
        one, bar, many = format_spec.partition("|")
        if bar:
            return one if str(value) == "1" else many
        return str(super().format_field(value, format_spec))


_FILLING = _Filling()


class Words:
    """The texts of one language."""

    def __init__(self, locale: str, texts: Mapping[str, str]) -> None:
        self.locale = locale
        self.texts = texts

    @property
    def language(self) -> str:
        """Return the language without its country, as variants name those that they read."""
        return self.locale.partition("-")[0]

    def __call__(self, key: str, /, **params: object) -> str:
        """Return a text with its parameters filled in. Raises KeyError for an unknown key."""
        return _FILLING.vformat(self.texts[key], (), params)

    def error(self, error: RerollError) -> str:
        """Say what went wrong and what to do next."""
        return self.failure(error.code, error.params)

    def failure(self, code: str, params: Mapping[str, object]) -> str:
        """Say it from what SQL kept; a code or parameters of another version get the general text.

        Parameters may be a member's own words, so they are shown as plain text.
        """
        shown = {
            name: plain(v) if isinstance(v, str) and name not in OURS else v
            for name, v in params.items()
        }
        for lists, names in LISTS.items():
            if lists in params:
                each = str(params[lists]).split(", ")
                called = [self.name(f"{names}.{one}", plain(one)) for one in each[:MOST_LISTED]]
                more = ["…"] if len(each) > MOST_LISTED else []
                # In the name of a variant there may be commas.
                sign = "list.semicolon" if names == "variants" else "list.comma"
                shown[lists] = self(sign).join([*called, *more])
        for one, names in NAMED.items():
            if one in params:
                shown[one] = self.short(f"{names}.{params[one]}", str(shown[one]))
        try:
            return self(f"errors.{self._told(code, params)}", **shown)
        except (KeyError, ValueError):
            return self("errors.engine_failed")

    def _told(self, code: str, params: Mapping[str, object]) -> str:
        """Return the code of the text: an empty list or a range of one number has its own."""
        if params.get("known") == "" and f"errors.{code}_none" in self.texts:
            return f"{code}_none"
        least, most = params.get("least", 1), params.get("most", params.get("limit"))
        is_only = least == most and f"errors.{code}_only" in self.texts
        return f"{code}_only" if is_only else code

    def short(self, key: str, otherwise: str) -> str:
        """Return the display name up to the dot, or whole where another begins with the same.

        What follows the dot describes the variant.
        """
        whole, table = self.name(key, otherwise), key.partition(".")[0]
        start = whole.partition(" · ")[0]
        others = (text for one, text in self.texts.items() if one.startswith(f"{table}."))
        alike = sum(text.partition(" · ")[0] == start for text in others)
        return start if alike < 2 else whole

    def name(self, key: str, otherwise: str) -> str:
        """Return the display name of something that may have none here, such as a new preset."""
        return self.texts.get(key, otherwise)


class Texts:
    """Every language we have."""

    def __init__(self, folder: Path = LOCALES) -> None:
        self.words = {path.stem: Words(path.stem, _flat(path)) for path in folder.glob("*.toml")}

    def of(self, locale: str) -> Words:
        """Return the words for a Discord locale; English where there are none."""
        return self.words.get(locale, self.words[DEFAULT])

    def asked(self, languages: str) -> Words:
        """Return the words for what a browser asks for first, as in `de-AT,de;q=0.9`."""
        wanted = re.split("[,;]", languages)[0].strip().lower()
        wanted = "zh-tw" if wanted.startswith(TRADITIONAL) else wanted
        ours = sorted(self.words)
        exact = [one for one in ours if one.lower() == wanted]
        near = [one for one in ours if self.words[one].language == wanted.partition("-")[0]]
        return self.words[next(iter([*exact, *near]), DEFAULT)]

    def has(self, key: str) -> bool:
        """Tell whether there is such a text."""
        return key in self.of(DEFAULT).texts

    def mark(self, key: str, **params: object) -> app_commands.locale_str:
        """Return the English text as discord.py translates it when commands are synced."""
        said = self.of(DEFAULT)(key, **params)
        return app_commands.locale_str(said, key=key, params=params)


class CommandTranslator(app_commands.Translator):
    """Gives discord.py the localised names and descriptions of commands."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        """Return the text, or None for the default."""
        words, key = self._texts.words.get(str(locale)), str(string.extras.get("key"))
        if words is None or key not in words.texts:
            return None
        return words(key, **string.extras.get("params", {}))


def _flat(path: Path) -> Mapping[str, str]:
    return dict(_pairs(tomllib.loads(path.read_text(encoding="utf-8"))))


def _pairs(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _pairs(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value
