"""Whole orders, through every real part: what members type, and what they see."""

import asyncio

import pytest

from local.conversation import Outcome, Turn
from local.errors import CannotSay
from tests.studio import Studio

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]


def pixels(turn: Turn) -> list[str]:
    return [picture.pixel_sha256 for picture in turn.pictures]


def last_words(turn: Turn) -> str:
    return turn.states[-1].text


@pytest.mark.parametrize(
    ("member", "command", "again"),
    [
        ("Alex", "/imagine prompt:a panda on a red background seed:7", "again"),
        ("小满", "/画图 提示词:红色背景上的熊猫 种子:7", "原样再画"),
        ("阿哲", "/畫圖 提示詞:紅色背景上的貓熊 種子:7", "原樣重畫"),
    ],
)
async def test_an_order_brings_a_picture_and_again_brings_the_same_pixels(
    product: Studio, member: str, command: str, again: str
) -> None:
    talk = product.conversation(member)
    before = product.left(member)
    first, second = await talk.say(command), await talk.say(again)
    assert first.outcome is second.outcome is Outcome.PICTURE
    assert pixels(first) == pixels(second)
    assert "7" in last_words(first)
    assert product.left(member) == before - 2


async def test_the_variant_of_four_steps_draws_too_and_again_brings_the_same_pixels(
    product: Studio,
) -> None:
    talk = product.conversation("小满")
    order = "/画图 提示词:蓝色背景上的三只狼 模型:starter-lightning 种子:5"
    first, second = await talk.say(order), await talk.say("原样再画")
    assert first.outcome is second.outcome is Outcome.PICTURE
    assert pixels(first) == pixels(second)
    plain = await talk.say("/画图 提示词:蓝色背景上的三只狼 种子:5")
    assert pixels(plain) != pixels(first)
    assert {row.request["steps"] for row in product.orders()[-3:]} == {4, 8}


async def test_each_picture_of_an_order_has_its_own_seed_and_pixels(product: Studio) -> None:
    turn = await product.say("/imagine prompt:a cat on a blue background count:4")
    assert len(set(pixels(turn))) == 4
    (order,) = [row for row in product.orders() if len(row.images) == 4]
    assert len({image.seed for image in order.images}) == 4


async def test_new_seeds_bring_another_picture_of_the_same_prompt(product: Studio) -> None:
    talk = product.conversation()
    first = await talk.say("/imagine prompt:a rocket on a green background seed:1")
    second = await talk.say("new seed")
    assert second.outcome is Outcome.PICTURE
    assert pixels(first) != pixels(second)
    assert "a rocket on a green background" in last_words(second)


async def test_a_remix_keeps_what_is_left_standing_in_the_form(product: Studio) -> None:
    talk = product.conversation()
    await talk.say("/imagine prompt:an apple on a blue background seed:5")
    form = await talk.say("remix")
    assert form.outcome is Outcome.FORM
    remixed = await talk.say("prompt:an apple on a yellow background")
    assert remixed.outcome is Outcome.PICTURE
    newest = product.orders()[-1]
    assert newest.request["prompt"] == "an apple on a yellow background"
    assert newest.images[0].seed == 5
    assert newest.parent_id is not None


async def test_deleting_removes_the_message_and_the_pictures(product: Studio) -> None:
    await product.say("/imagine prompt:a fish on a white background seed:11")
    assert await product.press("delete")
    assert not await product.press("erase")
    assert product.orders()[-1].deleted_at is not None


async def test_somebody_elses_picture_is_not_deleted_but_a_moderator_may(product: Studio) -> None:
    await product.say("/imagine prompt:a tree on a pink background seed:3")
    assert await product.press("delete", "小满")
    assert product.orders()[-1].deleted_at is None
    assert await product.press("delete", "Morgan")
    assert not await product.press("erase", "Morgan")
    assert product.orders()[-1].deleted_at is not None


@pytest.mark.parametrize(
    "options",
    [
        "prompt:   ",
        f"prompt:{'panda ' * 200}",
        "prompt:panda size:1x1",
        "prompt:panda size:9999x9999",
        "prompt:panda size:huge",
        "prompt:panda seed:-1",
        "prompt:panda seed:4294967296",
        "prompt:panda seed:seven",
        "prompt:panda steps:0",
        "prompt:panda guidance:99",
    ],
)
@pytest.mark.parametrize("member", ["Alex", "小满", "阿哲"])
async def test_bad_input_is_answered_to_that_member_alone_and_costs_nothing(
    product: Studio, member: str, options: str
) -> None:
    talk = product.conversation(member)
    before, orders = product.left(member), len(product.orders())
    try:
        turn = await talk.say(f"/imagine {options}")
    except CannotSay:
        pass  # Discord's client refuses this itself, and sends nothing
    else:
        assert turn.outcome is Outcome.WORDS
        assert turn.states[-1].ephemeral
        assert "Traceback" not in last_words(turn)
        assert any("一" <= sign <= "鿿" for sign in last_words(turn)) == (member != "Alex")
    assert (product.left(member), len(product.orders())) == (before, orders)


@pytest.mark.parametrize(
    "prompt",
    [
        "@everyone a panda <@1> `code` **bold** ||spoiler|| [link](http://example.com)",
        "熊猫 panda 🐼 ‮rtl‬ zero\u200bwidth",
        '"; DROP TABLE images; --',
        "{0} {prompt} %s \\n ${HOME}",
    ],
)
async def test_strange_prompts_reach_the_model_unharmed(product: Studio, prompt: str) -> None:
    turn = await product.say(f"/imagine prompt:{prompt}")
    assert turn.outcome is Outcome.PICTURE
    assert product.orders()[-1].request["prompt"] == prompt


async def test_what_the_starter_never_learnt_is_drawn_and_remarked_on_once(
    product: Studio,
) -> None:
    talk = product.conversation("阿哲")
    turns = [
        await talk.say(line)
        for line in ("/畫圖 提示詞:一臺縫紉機", "再來一張", "/畫圖 提示詞:一艘潛水艇 張數:2")
    ]
    assert [turn.outcome for turn in turns] == [Outcome.PICTURE] * 3
    assert [last_words(turn).count("珍珠奶茶") for turn in turns] == [1, 0, 0]
    remark = next(line for line in last_words(turns[0]).splitlines() if "珍珠奶茶" in line)
    assert remark.startswith("-# ")
    other = await product.say("/imagine prompt:a submarine", "Morgan")
    assert "panda, rocket and bubble tea" in last_words(other)


async def test_history_and_quota_answer_the_member_alone(product: Studio) -> None:
    await product.say("/imagine prompt:a dog on a blue background")
    for command in ("/history", "/quota"):
        turn = await product.say(command)
        assert turn.states[-1].ephemeral
    assert str(product.left()) in last_words(turn)


async def test_without_credits_the_answer_says_so_and_nothing_is_queued(product: Studio) -> None:
    talk = product.conversation("Morgan")
    product.spend("Morgan", leaving=5)
    paid = await talk.say("/imagine prompt:a panda count:4 steps:1 guidance:1")
    assert paid.outcome is Outcome.PICTURE
    orders, left = len(product.orders()), product.left("Morgan")
    turn = await talk.say("/imagine prompt:a panda count:4")
    assert turn.states[-1].ephemeral
    assert (len(product.orders()), product.left("Morgan")) == (orders, left)
    assert left == 1


async def test_no_process_writes_prompts_or_tokens_to_its_log(product: Studio) -> None:
    talk = product.conversation("小满")
    await talk.say("/imagine prompt:a velvetword panda negative:ironword guidance:4")
    await talk.say("/imagine prompt:velvetword size:velvetword")
    await talk.say("/imagine prompt:velvetword nude")
    await talk.say("/history search:velvetword")
    logs = {path.name: path.read_text("utf-8") for path in product.logs.glob("*.log")}
    assert len(logs) >= 3
    for word in ("velvetword", "ironword", "aW50ZXJhY3Rpb24"):
        assert [name for name, said in logs.items() if word in said] == []


async def test_a_hundred_commands_at_once_are_all_acknowledged_in_time(product: Studio) -> None:
    world = product.world
    names = list(world.users)

    async def order(number: int) -> bool:
        seat = product.seat(names[number % len(names)])
        shown = await seat.slash("imagine", prompt="a panda", steps=1, guidance=1.0)
        return shown.acknowledged  # within Discord's own limit, which the world keeps

    assert all(await asyncio.gather(*(order(number) for number in range(100))))
