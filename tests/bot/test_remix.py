"""The remix form, also across a restart."""

from typing import Any

from tests.bot.messages import gallery, presses, text
from tests.bot.stage import Stage


async def opened(stage: Stage, member: Any, **options: Any) -> tuple[Any, Any]:
    first = await stage.drawn(member, **options)
    return first, await member.click(first.response, custom_id=presses(first.response)["remix"])


def fields(form: Any) -> dict[str, dict[str, Any]]:
    inputs = [label["component"] for label in form.modal["components"]]
    return {one["custom_id"]: one for one in inputs}


async def test_the_form_is_filled_in_with_the_order(stage: Stage) -> None:
    _, form = await opened(stage, stage.alex, prompt="红熊猫", seed="7", size="96x128")
    shown = fields(form)
    assert shown["prompt"]["value"] == "红熊猫"
    assert shown["size"]["value"] == "96x128"
    assert shown["seed"]["value"] == "7"
    assert shown["prompt"]["max_length"] == 400
    assert "negative" in shown


async def test_changed_words_keep_the_seed(stage: Stage) -> None:
    first, form = await opened(stage, stage.alex, seed="7", count=2)
    changes = {"prompt": "a blue cat", "size": "横图", "seed": "7", "negative": "dogs"}
    result = await stage.alex.submit_modal(form, changes)
    order = stage.orders()[-1]
    assert order.request["prompt"] == "a blue cat"
    assert order.request["negative"] == "dogs"
    assert (order.request["width"], order.request["height"]) == (128, 96)
    assert order.request["seeds"] == [7, 8]
    assert order.parent_id == stage.orders()[0].id
    stage.draw()
    await stage.deliver()
    assert len(gallery(result.response)) == 2
    assert gallery(first.response)


async def test_an_emptied_seed_asks_for_a_new_one(stage: Stage) -> None:
    _, form = await opened(stage, stage.alex, seed="7")
    await stage.alex.submit_modal(form, {"prompt": "a cat", "size": "", "seed": ""})
    order = stage.orders()[-1]
    assert order.request["seeds"] != [7]
    assert order.request["width"] == 128


async def test_wrong_fields_are_explained_and_cost_nothing(stage: Stage) -> None:
    _, form = await opened(stage, stage.alex)
    result = await stage.alex.submit_modal(form, {"prompt": "a cat", "size": "huge", "seed": "1"})
    assert result.followups[0].ephemeral
    assert "“huge” is not a size" in result.followups[0].content
    assert len(stage.orders()) == 1
    assert stage.left(stage.alex) == 9


async def test_a_form_open_across_a_restart_is_answered(stage: Stage) -> None:
    _, form = await opened(stage, stage.alex)
    await stage.restart()
    result = await stage.alex.submit_modal(form, {"prompt": "a cat", "size": "", "seed": "3"})
    assert stage.orders()[-1].request["prompt"] == "a cat"
    assert "cancel" in presses(result.response)


async def test_the_form_speaks_the_members_language(stage: Stage) -> None:
    stage.speaks(stage.alex, "zh-TW")
    _, form = await opened(stage, stage.alex)
    assert form.modal["title"] == "拿這張來改一改"
    assert [label["label"] for label in form.modal["components"]] == [
        "提示詞",
        "不要什麼",
        "解析度",
        "種子",
        "LoRA",
    ]


async def test_somebody_elses_picture_is_remixed_with_ones_own_credits(stage: Stage) -> None:
    first = await stage.drawn(stage.alex)
    form = await stage.mei.click(first.response, custom_id=presses(first.response)["remix"])
    result = await stage.mei.submit_modal(form, {"prompt": "a cat", "size": "", "seed": ""})
    assert stage.left(stage.mei) == 9
    assert stage.left(stage.alex) == 9
    assert "> a cat" in text(result.response)
