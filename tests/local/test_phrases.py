from pathlib import Path
from typing import Any

import pytest

from local.errors import CannotSay
from local.phrases import (
    Button,
    Command,
    coerce,
    field_value,
    find_button,
    find_entry,
    parse_command,
    standing,
)

IMAGINE: dict[str, Any] = {
    "name": "imagine",
    "name_localizations": {"zh-CN": "画图"},
    "options": [
        {"name": "prompt", "type": 3, "name_localizations": {"zh-CN": "提示词"}},
        {"name": "seed", "type": 4, "name_localizations": {"zh-CN": "种子"}},
        {
            "name": "size",
            "type": 3,
            "choices": [
                {"name": "square", "value": "1:1", "name_localizations": {"zh-CN": "方形"}}
            ],
        },
    ],
}
LORA: dict[str, Any] = {
    "name": "lora",
    "options": [{"name": "train", "type": 1, "options": [{"name": "rank", "type": 4}]}],
}
SPECS = [IMAGINE, LORA]


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (
            "/imagine prompt:a panda on a red background seed:7",
            {"prompt": "a panda on a red background", "seed": 7},
        ),
        ("/画图 提示词:红色背景上的熊猫 种子:7", {"prompt": "红色背景上的熊猫", "seed": 7}),
        ("/imagine prompt：一只猫, cat", {"prompt": "一只猫, cat"}),
        ("/imagine size:square prompt:a sign: “hi”", {"size": "1:1", "prompt": "a sign: “hi”"}),
        ("/imagine size:方形", {"size": "1:1"}),
        ("/imagine prompt:see http://example.com", {"prompt": "see http://example.com"}),
    ],
)
def test_a_command_is_read_in_either_language(text: str, options: dict[str, Any]) -> None:
    assert parse_command(text, SPECS, {}) == Command("imagine", options)


def test_a_command_may_stand_alone() -> None:
    assert parse_command("/imagine", SPECS, {}) == Command("imagine", {})
    assert parse_command("/quota", [{"name": "quota"}], {}) == Command("quota", {})


def test_a_subcommand_is_read() -> None:
    assert parse_command("/lora train rank:16", SPECS, {}) == Command("lora train", {"rank": 16})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("/imagin prompt:x", "there are: imagine, lora"),
        ("/imagine a panda", "belongs to no option; there are: prompt, seed, size"),
        ("/imagine seed:many", "no integer for the option seed"),
        ("/imagine size:round", "no choice of size; there are: square"),
        ("/lora paint", "no command “paint”"),
    ],
)
def test_a_slip_is_explained(text: str, problem: str) -> None:
    with pytest.raises(CannotSay, match=problem):
        parse_command(text, SPECS, {})


def test_people_switches_and_files_are_typed_as_they_look(tmp_path: Path) -> None:
    people = {"@小满": object()}
    (tmp_path / "a b.png").write_bytes(b"png")
    assert coerce({"name": "who", "type": 6}, "@小满", people) is people["@小满"]
    assert coerce({"name": "on", "type": 5}, "True", people) is True
    assert coerce({"name": "weight", "type": 10}, "0.8", people) == 0.8
    file = coerce({"name": "image", "type": 11}, str(tmp_path / "a b.png"), people)
    assert file == ("a b.png", b"png")
    with pytest.raises(CannotSay, match=r"no user .*there are: @小满"):
        coerce({"name": "who", "type": 6}, "@nobody", people)


BUTTONS = [Button("🔁 Again", "a"), Button("再来一张", "b"), Button("U1", "c"), Button("U1", "d")]


@pytest.mark.parametrize(
    ("said", "custom_id"), [("again", "a"), ("再来一张", "b"), ("U1 #2", "d"), ("u1#1", "c")]
)
def test_a_button_is_found_by_its_label_without_emoji_and_case(said: str, custom_id: str) -> None:
    assert find_button(said, BUTTONS).custom_id == custom_id


@pytest.mark.parametrize(
    ("said", "problem"),
    [("U1", "2 buttons are called"), ("more", "no button is"), ("U1 #3", "2 buttons are called")],
)
def test_a_label_that_fits_not_one_button_lists_them_all(said: str, problem: str) -> None:
    with pytest.raises(CannotSay, match=problem) as caught:
        find_button(said, BUTTONS)
    assert "“🔁 Again”, “再来一张”, “U1”, “U1”" in str(caught.value)


MENU = [{"name": "Remix this image", "name_localizations": {"zh-CN": "拿这张图改一改"}}]
SELECT = {
    "type": 3,
    "options": [
        {"label": "a little", "value": "little"},
        {"label": "half", "value": "half", "default": True},
    ],
}


@pytest.mark.parametrize("said", ["remix this image", " 拿这张图改一改 "])
def test_an_entry_of_a_menu_is_found_in_either_language(said: str) -> None:
    assert find_entry(said, MENU) == "Remix this image"
    assert find_entry("remix", MENU) is None


def test_a_forms_menu_takes_what_is_shown_and_keeps_what_is_chosen() -> None:
    assert field_value(SELECT, "A little") == ["little"]
    assert standing(SELECT) == ["half"]
    assert standing({"type": 4, "value": "a panda"}) == "a panda"
    assert standing({"type": 19}) is None
    with pytest.raises(CannotSay, match="a little, half"):
        field_value(SELECT, "a lot")


def test_a_forms_files_are_named_by_their_paths(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"a")
    assert field_value({"type": 19}, f"{tmp_path}/a.png") == [("a.png", b"a")]
    with pytest.raises(CannotSay, match="no files"):
        field_value({"type": 19}, f"{tmp_path}/b.png")
