"""Options behind a prompt: which are taken, and what stays in the prompt."""

from typing import Any

import pytest

from bot.i18n import Texts
from bot.wishes import flags
from bot.wishes.options import RawOptions
from bot.wishes.sizes import size_words
from tests.bot.stage import Stage

TEXTS = Texts()
NAMES, SIZES = flags.flag_words(TEXTS), size_words(TEXTS)


@pytest.mark.parametrize(
    ("typed", "prompt", "options"),
    [
        ("a fox --ar 3:4", "a fox", {"size": "3:4"}),
        ("a fox --no hats, text --seed 7 --n 2", "a fox", {"negative": "hats, text"}),
        ("a fox —ar 3:4", "a fox", {"size": "3:4"}),
        ("a fox --CFG 2.5 --steps 12", "a fox", {"guidance": 2.5, "steps": 12}),
        ("熊猫 -竖图", "熊猫", {"size": "竖图"}),
        ("熊猫 -尺寸 竖图 -种子 7 -张数:2 -不要 帽子", "熊猫", {"seed": "7", "count": 2}),
        ("熊貓 -解析度 直圖 -步數=8", "熊貓", {"steps": 8}),
    ],
)
def test_known_words_at_the_end_are_options(typed: str, prompt: str, options: Any) -> None:
    read = flags.taken(RawOptions(prompt=typed), NAMES, SIZES)
    assert read.prompt == prompt
    assert {name: getattr(read, name) for name in options} == options


@pytest.mark.parametrize(
    "typed",
    [
        "a well-known fox",
        "a fox - a red one",
        "a fox --stylize 100",
        "--ar 3:4 of a fox --weird",
        "a sign with --seed",
        "a fox --steps many",
        "5-seed tomato",
        "x" * 6000 + " -" * 3000,
    ],
)
def test_anything_else_stays_in_the_prompt(typed: str) -> None:
    assert flags.taken(RawOptions(prompt=typed), NAMES, SIZES) == RawOptions(prompt=typed)


def test_what_was_chosen_as_an_option_counts_more() -> None:
    read = flags.taken(RawOptions(prompt="a fox --seed 7", seed="9"), NAMES, SIZES)
    assert (read.prompt, read.seed) == ("a fox", "9")


async def test_a_picture_is_drawn_by_them(stage: Stage) -> None:
    stage.speaks(stage.mei, "zh-CN")
    await stage.imagine(stage.mei, prompt="一只熊猫 -竖图 -种子 7 -张数 2")
    request = stage.orders()[0].request
    assert request["prompt"] == "一只熊猫"
    assert (request["width"], request["height"], request["seeds"]) == (96, 128, [7, 8])
    told = await stage.imagine(stage.mei, prompt="一只熊猫 -张数 99")
    assert "99" in told.response.content
