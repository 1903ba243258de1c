"""Options behind a prompt: which are taken, and what stays in the prompt."""

from typing import Any

import pytest

from bot.cards import remarks
from bot.i18n import Texts
from bot.wishes import flags
from bot.wishes.flags import Taken
from bot.wishes.options import RawOptions
from bot.wishes.sizes import size_words
from tests.bot.messages import png, presses, text
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
    taken = flags.taken(RawOptions(prompt=typed), NAMES, SIZES)
    read = taken.raw
    assert (read.prompt, taken.unread) == (prompt, "")
    assert {name: getattr(read, name) for name in options} == options


@pytest.mark.parametrize(
    "typed",
    [
        "a well-known fox",
        "a fox - a red one",
        "a fox -- a red one",
        "a fox --the red one-- in the snow",
        "a fox —red",
        "a fox –foo 3",
        "a fox -red",
        "--a fox",
        "a fox --- and more",
        "5-seed tomato",
        "x" * 6000 + " -" * 3000,
    ],
)
def test_anything_else_stays_in_the_prompt(typed: str) -> None:
    assert flags.taken(RawOptions(prompt=typed), NAMES, SIZES) == Taken(RawOptions(prompt=typed))


@pytest.mark.parametrize(
    ("typed", "prompt", "unread"),
    [
        ("a cat --foo 3", "a cat", "--foo 3"),
        ("a cat --foo 3 --ar 3:4 --tile", "a cat", "--foo 3 --tile"),
        ("a sign with --seed", "a sign with", "--seed"),
        ("a fox --steps many", "a fox", "--steps many"),
        ("熊猫 --风格 水墨", "熊猫", "--风格 水墨"),
    ],
)
def test_what_looks_like_an_option_and_is_none_is_told_apart(
    typed: str, prompt: str, unread: str
) -> None:
    taken = flags.taken(RawOptions(prompt=typed), NAMES, SIZES)
    assert (taken.raw.prompt, taken.unread) == (prompt, unread)


async def test_an_unknown_option_is_asked_about_and_costs_nothing(stage: Stage) -> None:
    typed = "a cat --foo 3 --seed 7"
    asked = await stage.imagine(stage.alex, prompt=typed)
    said = text(asked.response)
    assert asked.response.ephemeral
    assert "I do not understand **\\-\\-foo 3**" in said
    assert "> a cat \\-\\-foo 3\n" in said
    assert "`--ar 3:4`, `--n 2`, `--seed 7`, `--no hats`, `--steps " in said
    assert (stage.orders(), stage.left(stage.alex)) == ([], 10)
    await stage.alex.click(asked.response, custom_id=presses(asked.response)["switch"])
    again = await stage.imagine(stage.alex, prompt=typed)
    await stage.alex.click(again.response, custom_id=presses(again.response)["anyway"])
    drawn = [(one.request["prompt"], one.request["seeds"]) for one in stage.orders()]
    assert drawn == [("a cat", [7]), ("a cat --foo 3", [7])]
    words = stage.speaks(stage.mei, "zh-CN")
    asked = await stage.imagine(stage.mei, prompt="一只 {红|蓝} 猫 --风格 水墨")
    assert words("remarks.unread", flags="\\-\\-风格 水墨") in text(asked.response)


def test_what_was_chosen_as_an_option_counts_more() -> None:
    read = flags.taken(RawOptions(prompt="a fox --seed 7", seed="9"), NAMES, SIZES)
    assert (read.raw.prompt, read.raw.seed) == ("a fox", "9")


async def test_a_picture_is_drawn_by_them(stage: Stage) -> None:
    stage.speaks(stage.mei, "zh-CN")
    await stage.imagine(stage.mei, prompt="一只熊猫 -竖图 -种子 7 -张数 2")
    request = stage.orders()[0].request
    assert request["prompt"] == "一只熊猫"
    assert (request["width"], request["height"], request["seeds"]) == (96, 128, [7, 8])
    told = await stage.imagine(stage.mei, prompt="一只熊猫 -张数 99")
    assert "99" in told.response.content


PHOTO = ("photo.png", png(7, (128, 128)))


@pytest.mark.parametrize("command", ["edit", "variations", "upscale"])
@pytest.mark.parametrize(
    ("locale", "typed"),
    [
        ("en-US", "a red panda --ar 3:4 --seed 7 --foo 3"),
        ("zh-CN", "一只小熊猫 -竖图 -种子 7 --foo 3"),
        ("zh-TW", "一隻小貓熊 -直圖 -種子 7 --foo 3"),
    ],
)
async def test_they_count_where_a_picture_is_given_and_are_never_drawn(
    stage: Stage, command: str, locale: str, typed: str
) -> None:
    words = stage.speaks(stage.alex, locale)
    await stage.alex.slash(stage.channel, command, prompt=typed, image=PHOTO)
    (order,) = stage.orders()
    asked = order.request
    assert (asked["prompt"], asked["seeds"][0]) == (typed.partition(" -")[0], 7)
    said = remarks.lines(words, order.remarks or {})
    assert any("foo 3" in line for line in said)
    if command == "upscale":
        assert f"-# {words('remarks.unheld', options=words('imagine.size'))}" in said
    else:
        assert asked["width"] / asked["height"] == 3 / 4


@pytest.mark.parametrize("locale", ["en-US", "zh-CN", "zh-TW"])
async def test_alone_beside_a_picture_they_are_no_words_to_draw(stage: Stage, locale: str) -> None:
    words = stage.speaks(stage.alex, locale)
    refused = await stage.alex.slash(stage.channel, "edit", prompt="--foo 3", image=PHOTO)
    assert refused.followups[-1].content == words("errors.prompt_empty")
    await stage.alex.slash(stage.channel, "variations", prompt="--foo 3", image=PHOTO)
    (order,) = stage.orders()
    assert "foo" not in order.request["prompt"]
    assert order.remarks["unread"] == {"flags": "--foo 3"}


async def test_a_shape_behind_the_prompt_is_what_expanding_reaches(stage: Stage) -> None:
    await stage.alex.slash(stage.channel, "expand", prompt="the sea --ar 4:3 --n 2", image=PHOTO)
    asked = stage.orders()[0].request
    assert (asked["prompt"], len(asked["seeds"])) == ("the sea", 2)
    assert asked["width"] / asked["height"] == 4 / 3


async def test_a_number_of_variations_behind_the_prompt_counts(stage: Stage) -> None:
    await stage.alex.slash(stage.channel, "variations", prompt="a fox --n 2", image=PHOTO)
    assert len(stage.orders()[0].request["seeds"]) == 2


async def test_in_the_remix_form_they_count_for_what_was_left_as_it_was(stage: Stage) -> None:
    first = await stage.drawn(stage.alex, prompt="a fox", seed="5", size="96x128")
    for size, drawn in (("96x128", (128, 96)), ("128x128", (128, 128))):
        form = await stage.alex.click(first.response, custom_id=presses(first.response)["remix"])
        typed = {"prompt": "a cat --ar 4:3 --n 2 --steps 4 --foo 3", "size": size, "seed": "5"}
        await stage.alex.submit_modal(form, typed)
        order = stage.orders()[-1]
        asked = order.request
        assert (asked["prompt"], asked["steps"], asked["seeds"]) == ("a cat", 4, [5, 6])
        assert (asked["width"], asked["height"]) == drawn
        assert order.remarks == {"unread": {"flags": "--foo 3"}}
        stage.draw()
