"""Every language with the same keys, a text for every error, and names that Discord takes."""

import importlib
import pkgutil
import shutil
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import discord
import pytest
import regex  # type: ignore[import-untyped]

import bot
import engine
import store
import worker.queue
from bot.i18n import DEFAULT, LOCALES, Texts, Words
from bot.wishes.sizes import size_words
from engine.errors import PromptTooLong, RerollError, SeedInvalid
from engine.variants.catalog import VARIANTS, Catalog
from tests.bot.stage import Stage

TEXTS = Texts()
NAME = regex.compile(r"^[-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}$")
"""Discord's rule for names of commands and options."""


def kinds(kind: type[RerollError] = RerollError) -> Iterator[type[RerollError]]:
    for one in kind.__subclasses__():
        yield one
        yield from kinds(one)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_the_languages_are_discords() -> None:
    assert {"en-US", "zh-CN", "zh-TW"} <= set(TEXTS.words) <= {one.value for one in discord.Locale}


def test_a_language_is_one_more_file(tmp_path: Path) -> None:
    shutil.copytree(LOCALES, tmp_path, dirs_exist_ok=True)
    english = (LOCALES / f"{DEFAULT}.toml").read_text(encoding="utf-8")
    german = english.replace('stopping = "', 'stopping = "Moment: ').replace(
        '"square ', '"quadrat '
    )
    (tmp_path / "de.toml").write_text(german, encoding="utf-8")
    texts = Texts(tmp_path)
    assert texts.of("de")("stopping").startswith("Moment")
    assert size_words(texts)["quadrat"] == "square"
    assert [texts.asked(one).locale for one in ("de-AT,de;q=0.9", "de;q=1")] == ["de", "de"]


@pytest.mark.parametrize(
    ("asked", "ours"),
    [
        ("zh-TW,zh;q=0.9", "zh-TW"),
        ("zh-HK", "zh-TW"),
        ("zh-Hant-TW", "zh-TW"),
        ("zh-Hans-CN", "zh-CN"),
        ("zh", "zh-CN"),
        ("en-GB", DEFAULT),
        ("xx;q=0.5, zh", DEFAULT),
        ("", DEFAULT),
    ],
)
def test_browsers_get_the_nearest_language(asked: str, ours: str) -> None:
    assert TEXTS.asked(asked).locale == ours


@pytest.mark.parametrize("locale", sorted({*TEXTS.words} - {DEFAULT}))
def test_every_language_has_the_same_keys_and_parameters(locale: str) -> None:
    english, words = TEXTS.of(DEFAULT).texts, TEXTS.of(locale).texts
    assert set(words) == set(english)
    for key in english:
        assert placeholders(words[key]) == placeholders(english[key]), key


@pytest.mark.parametrize("locale", sorted(TEXTS.words))
def test_every_error_has_a_text(locale: str) -> None:
    assert worker.queue
    for package in (engine, store, bot):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if found.name.endswith(".errors"):
                importlib.import_module(found.name)
    codes = {kind.code for kind in kinds()} | {RerollError.code}
    assert len(codes) > 15
    assert not {code for code in codes if f"errors.{code}" not in TEXTS.of(locale).texts}


@pytest.mark.parametrize("locale", sorted(TEXTS.words))
def test_every_preset_and_variant_has_a_name(locale: str) -> None:
    names = sorted(path.stem for path in VARIANTS.glob("*.toml"))
    catalog = Catalog.load(names)
    presets = {preset for name in names for preset in catalog[name].sizes.presets}
    keys = {f"sizes.{preset}" for preset in presets} | {f"variants.{name}" for name in names}
    assert keys <= set(TEXTS.of(locale).texts)


@pytest.mark.parametrize("locale", ["", *(one.value for one in discord.Locale)])
def test_other_languages_are_answered_in_english(locale: str) -> None:
    assert TEXTS.of(locale).locale == (locale if locale in TEXTS.words else DEFAULT)


def test_taiwan_and_the_mainland_do_not_share_words() -> None:
    mainland, taiwan = TEXTS.of("zh-CN").texts, TEXTS.of("zh-TW").texts
    assert "解析度" in taiwan["imagine.size"]
    assert not [key for key, text in taiwan.items() if "服务器" in text or "视频" in text]
    # Names of models have no Chinese; words of a sign or two (left, right) are often the same.
    said = [key for key in mainland if len(regex.findall(r"\p{Han}", mainland[key])) > 2]
    assert sum(mainland[key] == taiwan[key] for key in said) < len(said) / 25


def test_the_members_own_words_are_shown_as_plain_text() -> None:
    said = TEXTS.of(DEFAULT).error(SeedInvalid(value="**@everyone**", limit=1))
    assert "**" not in said.replace("\\*\\*", "")
    assert "\\@everyone" in said


def test_errors_of_another_version_get_the_general_text() -> None:
    words = TEXTS.of(DEFAULT)
    assert words.failure("of_the_future", {}) == words("errors.engine_failed")
    assert words.failure(PromptTooLong.code, {"of": "the past"}) == words("errors.engine_failed")


@pytest.mark.parametrize("locale", sorted(TEXTS.words))
def test_labels_fit_where_discord_shows_them(locale: str) -> None:
    limits = {"buttons.": 80, "remix.": 100, "edit_form.": 100, "sizes.": 80, "variants.": 100}
    texts = TEXTS.of(locale).texts
    for prefix, limit in limits.items():
        assert max(len(text) for key, text in texts.items() if key.startswith(prefix)) <= limit
    forms = ("remix.", "edit_form.", "edit.title")
    labels = [key for key in texts if key.startswith(forms) and not key.endswith("_hint")]
    assert max(len(texts[key]) for key in labels) <= 45


def test_a_number_takes_its_word() -> None:
    words = TEXTS.of(DEFAULT)
    said = [words("buttons.confirm", price=price) for price in (0, 1, 2, 11)]
    told = [one.rpartition(" · ")[2] for one in said]
    assert told == ["0 credits", "1 credit", "2 credits", "11 credits"]


@pytest.mark.parametrize("locale", sorted(TEXTS.words))
def test_a_range_of_one_number_and_an_empty_list_have_texts_of_their_own(locale: str) -> None:
    words = TEXTS.of(locale)
    steps = {"value": 20, "least": 4, "most": 4}
    assert words.failure("steps_invalid", steps) == words("errors.steps_invalid_only", **steps)
    assert "4" in words.failure("steps_invalid", {**steps, "most": 8})
    told = words.failure("count_invalid", {"value": 2, "limit": 1})
    assert told == words("errors.count_invalid_only", value=2, limit=1)
    lora = {"value": "ink", "base": "flux1", "variant": "starter-lightning", "known": ""}
    assert words.failure("lora_for_other_variant", lora).count("ink") == 1
    assert words("variants.starter-lightning") not in words.failure(
        "lora_for_other_variant", {**lora, "known": "flux1-schnell"}
    )


def test_parameters_are_not_read_as_templates() -> None:
    assert "{price}" in Words("x", {"a": "{b}"})("a", b="{price}")


async def test_commands_pass_discords_rules_in_every_language(stage: Stage) -> None:
    commands = [command.to_dict(stage.bot.tree) for command in stage.bot.tree.get_commands()]
    names = {"imagine", "history", "quota", "checkin", "gift", "settings", "variants"}
    assert {command["name"] for command in commands} >= names
    synced = stage.env.backend.commands[None]
    for command in synced.values():
        assert _size(command) <= 8000
        for part in _parts(command):
            _check_name(part)
            assert len(part.get("choices", [])) <= 25


def _parts(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield part
    for option in part.get("options", []):
        yield from _parts(option)


def _check_name(named: dict[str, Any]) -> None:
    if not named.get("description"):
        # An entry of a menu is written as people write.
        assert all(len(name) <= 32 for name in named["name_localizations"].values())
        return
    for name in [named["name"], *named["name_localizations"].values()]:
        assert NAME.match(name), name
        assert name == name.lower()
    for said in [named["description"], *named["description_localizations"].values()]:
        assert 1 <= len(said) <= 100
    for locale in named["name_localizations"]:
        discord.Locale(locale)


def _size(part: dict[str, Any]) -> int:
    texts = [
        max(len(part.get(key, "")), *map(len, part.get(f"{key}_localizations", {"": ""}).values()))
        for key in ("name", "description")
    ]
    inner = [*part.get("options", []), *part.get("choices", [])]
    value = part.get("value", "")
    return sum(texts) + (len(value) if isinstance(value, str) else 0) + sum(map(_size, inner))


async def test_members_see_chinese_command_names(stage: Stage) -> None:
    command = stage.env.backend.commands[None][("imagine", 1)]
    assert command["name_localizations"]["zh-CN"] == "画图"
    assert command["name_localizations"]["zh-TW"] == "畫圖"
    seed = next(option for option in command["options"] if option["name"] == "seed")
    assert seed["name_localizations"]["zh-CN"] == "种子"
    assert command["options"][0]["max_length"] == 400
