"""Braces stand for several prompts, names for an entry of a list; the rest stays as typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import CombinationsTooMany
from bot.i18n import Texts
from bot.wishes import wildcards
from bot.wishes.wildcards import expanded


def of(prompt: str, seed: int | None = 1) -> list[str]:
    return expanded(prompt, seed)


@pytest.mark.parametrize(
    ("prompt", "stands_for"),
    [
        ("a cat", ["a cat"]),
        ("{red|blue} cat", ["red cat", "blue cat"]),
        ("{a|b} {1|2}", ["a 1", "a 2", "b 1", "b 2"]),
        ("{a|{b|c} d}", ["a", "b d", "c d"]),
        ("{very |}big", ["very big", "big"]),
        ("{a|a} cat", ["a cat"]),
        ("{红|蓝}猫", ["红猫", "蓝猫"]),
        ("{cat}", ["{cat}"]),
        ("a|b", ["a|b"]),
        ("a } b", ["a } b"]),
        ("{a|b", ["{a|b"]),
        ("{{a|b} c", ["{a c", "{b c"]),
        (r"\{a|b\}", ["{a|b}"]),
        (r"{a\|b|c}", ["a|b", "c"]),
        (r"\__colour__", ["__colour__"]),
        ("¯\\_(ツ)_/¯ C:\\new", ["¯\\_(ツ)_/¯ C:\\new"]),
        ("snake_case __ and ___", ["snake_case __ and ___"]),
    ],
)
def test_what_a_prompt_stands_for(prompt: str, stands_for: list[str]) -> None:
    assert of(prompt) == stands_for


def test_an_entry_is_picked_by_the_seed_and_is_the_same_in_all() -> None:
    red, blue = of("{red|blue} __animal__ in __weather__", 7)
    assert red.partition(" ")[2] == blue.partition(" ")[2]
    assert of("__animal__", 7) == of("__animal__", 7)
    assert len({of("__animal__", seed)[0] for seed in range(60)}) == len(
        wildcards.lists()["en-US"]["animal"]
    )
    assert len({of("__animal__", None)[0] for _ in range(200)}) > 1


def test_lists_are_named_in_any_language() -> None:
    assert of("__颜色__的猫")[0].removesuffix("的猫") in wildcards.lists()["zh-CN"]["颜色"]
    assert of("__顏色__的貓")[0].removesuffix("的貓") in wildcards.lists()["zh-TW"]["顏色"]


def test_a_list_that_there_is_not_stays_and_is_remarked_on() -> None:
    assert of("a __vehicle__ of __under__") == ["a __vehicle__ of __under__"]
    told = wildcards.remarks("a __colour__ __vehicle__", "zh-CN")["no_list"]
    assert told["value"] == "vehicle"
    assert str(told["lists"]).startswith("颜色, 动物")
    assert wildcards.remarks(r"a __colour__ \__vehicle__ snake_case", "en-US") == {}


@pytest.mark.parametrize("prompt", ["{a|b}" * 4, "{a|b}" * 900, "{a|" * 1500 + "}" * 1500])
def test_too_many_are_refused_before_they_are_written_out(prompt: str) -> None:
    with pytest.raises(CombinationsTooMany) as refused:
        of(prompt)
    assert refused.value.params == {"limit": 10}


@given(st.text(alphabet="ab{}|\\_é猫 ", max_size=60))
def test_no_prompt_breaks_it(prompt: str) -> None:
    try:
        found = of(prompt)
    except CombinationsTooMany:
        return
    assert 1 <= len(found) <= 10
    if not {"|", "\\"} & set(prompt) and "__" not in prompt:
        assert found == [prompt]


def test_lists_are_of_our_languages_and_have_names_of_their_own() -> None:
    lists = wildcards.lists()
    assert {"en-US", "zh-CN", "zh-TW"} <= set(lists) <= set(Texts().words)
    names = [name for language in lists.values() for name in language]
    assert len(names) == len(set(names))
    for language in lists.values():
        for name, entries in language.items():
            assert wildcards.TOKEN.fullmatch(f"__{name}__")
            assert name == name.casefold()
            assert len(entries) == len(set(entries)) >= 4
            assert not any(wildcards.TOKEN.search(entry) for entry in entries)
