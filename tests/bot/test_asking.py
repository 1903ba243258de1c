"""The question before an order whose prompt the variant cannot read or write; its buttons."""

import asyncio
from typing import Any

import pytest

from bot.services import Services
from engine.variants.catalog import Catalog
from store.database import Database
from store.host import workers
from tests.bot.messages import gallery, parts, presses, text
from tests.bot.stage import Stage, staged

CHINESE = "红色背景上的熊猫"
LETTERED = "一块写着“你好”的牌子"
NAMES = ["flux1-schnell", "starter", "z-image-turbo", "qwen-image"]


@pytest.fixture
def catalog(request: pytest.FixtureRequest) -> Catalog:
    return Catalog.load(getattr(request, "param", NAMES))


def labels(message: Any) -> list[str]:
    return [part["label"] for part in parts(message.components) if "label" in part]


async def press(stage: Stage, asked: Any, action: str) -> Any:
    return await stage.alex.click(asked.response, custom_id=presses(asked.response)[action])


def serve(stage: Stage, *names: str) -> None:
    with stage.database.begin() as session:
        workers.report(session, "w", names)


async def test_nothing_is_ordered_before_the_answer(stage: Stage) -> None:
    asked = await stage.imagine(stage.alex, prompt=LETTERED, variant="flux1-schnell")
    assert asked.response.ephemeral
    said = text(asked.response)
    assert "does not read Chinese" in said
    assert "cannot write Chinese characters" in said
    assert "“Z\\-Image Turbo · 8 steps, writes English and Chinese” can." in said
    assert "你好" in said
    assert "Nothing has been charged" in said
    assert labels(asked.response) == [
        "✨ Draw with Z-Image Turbo · price 2",
        "Draw anyway · price 1",
    ]
    assert stage.orders() == []
    assert stage.left(stage.alex) == 10
    assert stage.channel.history() == []


async def test_one_click_draws_it_with_the_variant_that_can(stage: Stage) -> None:
    asked = await stage.imagine(
        stage.alex, prompt=LETTERED, variant="flux1-schnell", seed="7", count=2, size="1000x1000"
    )
    shown = await press(stage, asked, "switch")
    (order,) = stage.orders()
    request = order.request
    assert (request["variant"], request["prompt"]) == ("z-image-turbo", LETTERED)
    assert (request["seeds"], request["width"]) == ([7, 8], 1008)
    assert asked.response is None
    assert not shown.response.ephemeral
    assert set(presses(shown.response)) == {"cancel"}
    assert stage.left(stage.alex) == 6
    stage.draw()
    await stage.deliver()
    assert len(gallery(shown.response)) == 2
    assert "cannot write" not in text(shown.response)


async def test_the_other_draws_it_anyway(stage: Stage) -> None:
    asked = await stage.imagine(stage.alex, prompt=LETTERED, steps=2)
    shown = await press(stage, asked, "anyway")
    (order,) = stage.orders()
    assert (order.request["variant"], order.request["steps"]) == ("flux1-schnell", 2)
    assert asked.response is None
    assert stage.left(stage.alex) == 9
    # Who has been told is not told again.
    assert "cannot write" not in text(shown.response)


async def test_steps_of_one_variant_are_not_forced_on_another(stage: Stage) -> None:
    asked = await stage.imagine(stage.alex, prompt=LETTERED, steps=2)
    await press(stage, asked, "switch")
    assert stage.orders()[0].request["steps"] == 8


async def test_of_those_that_can_the_cheapest_for_this_order_is_offered(stage: Stage) -> None:
    asked = await stage.imagine(stage.alex, prompt=CHINESE, size="square")
    assert labels(asked.response)[0] == "✨ Draw with Starter · price 1"


async def test_a_double_click_orders_once(stage: Stage) -> None:
    asked = await stage.imagine(stage.alex, prompt=LETTERED)
    presses_ = presses(asked.response)
    both = await asyncio.gather(
        *(stage.alex.click(asked.response, custom_id=presses_["switch"]) for _ in range(2)),
        return_exceptions=True,
    )
    assert len(stage.orders()) == 1
    assert stage.left(stage.alex) == 8
    answered = [one.response for one in both if not isinstance(one, BaseException)]
    told = [text(one) for one in answered if one is not None and one.ephemeral]
    assert all("being drawn already" in one for one in told)


async def test_a_second_press_says_that_it_is_being_drawn(stage: Stage) -> None:
    asked = await stage.imagine(stage.alex, prompt=LETTERED)
    stage.env.inject_error("DELETE", "/webhooks/*", status=500)
    await press(stage, asked, "switch")
    assert asked.response is not None
    again = await press(stage, asked, "anyway")
    assert "being drawn already" in text(again.response)
    assert len(stage.orders()) == 1


async def test_an_order_that_fails_leaves_the_question_standing(stage: Stage) -> None:
    asked = await stage.imagine(stage.alex, prompt=LETTERED, count=4)
    for _ in range(2):
        await stage.imagine(stage.alex, prompt="a panda", count=4)
    refused = await press(stage, asked, "switch")
    assert refused.followups[0].content.startswith("This costs 8 credits and you have 2.")
    assert set(presses(asked.response)) == {"switch", "anyway"}
    again = await press(stage, asked, "anyway")
    assert again.followups[0].content.startswith("This costs 4 credits and you have 2.")
    assert len(stage.orders()) == 2


@pytest.mark.parametrize("locale", ["en-US", "zh-CN", "zh-TW"])
async def test_after_a_restart_a_press_says_what_to_do(stage: Stage, locale: str) -> None:
    words = stage.speaks(stage.alex, locale)
    asked = await stage.imagine(stage.alex, prompt=LETTERED)
    await stage.restart()
    stage.speaks(stage.alex, locale)
    for action in ("switch", "anyway"):
        told = (await press(stage, asked, action)).response
        assert told.ephemeral
        assert text(told) == words("errors.question_expired")
    assert stage.orders() == []


async def test_after_its_time_a_question_is_not_answered_any_more(stage: Stage) -> None:
    asked = await stage.imagine(stage.alex, prompt=LETTERED)
    await stage.env.advance_time(15 * 60)
    serve(stage, *NAMES)
    told = (await press(stage, asked, "switch")).response
    assert "14 minutes have passed" in text(told)
    assert stage.orders() == []


@pytest.mark.parametrize(
    ("locale", "parts_"),
    [
        ("zh-CN", ["“FLUX.1 schnell", "看不懂中文", "不会写汉字", "还没扣点数"]),
        ("zh-TW", ["「FLUX.1 schnell", "看不懂中文", "不會寫中文字", "還沒有扣點數"]),
        ("ja", ["does not read Chinese"]),
    ],
)
async def test_the_question_speaks_the_members_language(
    stage: Stage, locale: str, parts_: list[str]
) -> None:
    stage.speaks(stage.alex, locale)
    asked = await stage.imagine(stage.alex, prompt=LETTERED)
    said = text(asked.response).replace("\\", "")
    assert all(part in said for part in parts_)


async def test_a_variant_that_no_worker_draws_is_not_offered(stage: Stage) -> None:
    serve(stage, "flux1-schnell", "qwen-image")
    asked = await stage.imagine(stage.alex, prompt=LETTERED)
    assert "Qwen-Image" in labels(asked.response)[0]
    serve(stage, "flux1-schnell")
    result = await stage.imagine(stage.alex, prompt=LETTERED)
    assert len(stage.orders()) == 1
    assert not result.response.ephemeral
    stage.draw()
    await stage.deliver()
    for line in ("does not read Chinese, so", "cannot write Chinese, so"):
        assert line in text(result.response)


@pytest.mark.parametrize("catalog", [["flux1-schnell"]], indirect=True)
async def test_where_nobody_can_it_is_drawn_with_a_remark_on_both_cards(stage: Stage) -> None:
    stage.speaks(stage.alex, "zh-CN")
    result = await stage.imagine(stage.alex, prompt=CHINESE)
    remark = "看不懂中文，画出来可能不是你想要的"
    assert remark in text(result.response)
    assert "不会写汉字" not in text(result.response)
    stage.draw()
    await stage.deliver()
    assert remark in text(result.response)


@pytest.mark.parametrize("catalog", [["starter"], ["starter", "starter-lightning"]], indirect=True)
async def test_the_starter_is_never_nagged_about_lettering(stage: Stage) -> None:
    for prompt in (LETTERED, 'a panda with a sign saying "你好"', "熊猫，写着你好"):
        result = await stage.imagine(stage.alex, prompt=prompt)
        assert set(presses(result.response)) == {"cancel"}
        assert "Chinese" not in text(result.response)


@pytest.mark.parametrize("catalog", [["starter", "z-image-turbo"]], indirect=True)
async def test_the_default_variant_is_asked_about_too(stage: Stage) -> None:
    asked = await stage.imagine(stage.alex, prompt=LETTERED)
    assert set(presses(asked.response)) == {"switch", "anyway"}
    assert "does not read" not in text(asked.response)
    fine = await stage.imagine(stage.alex, prompt='a sign that says "HELLO"')
    assert set(presses(fine.response)) == {"cancel"}


async def test_a_variant_that_would_refuse_the_options_is_not_offered(stage: Stage) -> None:
    serve(stage, "flux1-schnell", "z-image-turbo", "qwen-image")
    asked = await stage.imagine(stage.alex, prompt=LETTERED, size="300x300")
    assert asked.response.ephemeral is False
    assert len(stage.orders()) == 1


async def test_with_the_database_away_the_member_is_told(world: Services, tmp_path: Any) -> None:
    async with staged(world) as stage:
        broken = Database(f"sqlite:///{tmp_path}/missing/reroll.db")
        world.database.close()
        object.__setattr__(world, "database", broken)
        result = await stage.imagine(stage.alex, prompt=LETTERED)
        assert result.response.ephemeral
        assert text(result.response).startswith("Our records cannot be reached")
        broken.close()


async def test_a_rounded_size_is_said_while_it_waits_and_with_the_picture(stage: Stage) -> None:
    result = await stage.imagine(stage.alex, size="1000x1000")
    said = "1000×1000 → 1008×1008: here both sides are multiples of 16."
    assert said in text(result.response)
    stage.draw()
    await stage.deliver()
    assert gallery(result.response)
    assert said in text(result.response)
    exact = await stage.imagine(stage.alex, size="1024x1024")
    assert "multiples of" not in text(exact.response)


async def test_a_remix_says_a_rounded_size_and_what_the_variant_lacks(stage: Stage) -> None:
    first = await stage.drawn(stage.alex, prompt="a panda")
    form = await stage.alex.click(first.response, custom_id=presses(first.response)["remix"])
    values = {"prompt": CHINESE, "size": "500x500", "seed": "1"}
    remixed = await stage.alex.submit_modal(form, values)
    said = text(remixed.response)
    assert "500×500 → 496×496" in said
    assert "does not read Chinese" in said
