"""/history and /quota: for the member's eyes only."""

from typing import Any

from simcord.results import InteractionResult

from store.money import ledger
from tests.bot.messages import gallery, parts, presses, text
from tests.bot.stage import Stage


async def many(stage: Stage, count: int) -> None:
    for number in range(count):
        await stage.drawn(stage.alex, prompt=f"picture {number}", seed=str(number))


def ids(message: Any, action: str) -> list[str]:
    found = [part.get("custom_id", "") for part in parts(message.components)]
    return [custom_id for custom_id in found if custom_id.startswith(f"{action}:")]


def disabled(message: Any) -> list[str]:
    return [part["label"] for part in parts(message.components) if part.get("disabled")]


async def drop(stage: Stage, shown: InteractionResult) -> None:
    await stage.alex.click(shown.response, custom_id=ids(shown.response, "drop")[0])
    await stage.alex.click(shown.response, custom_id=ids(shown.response, "dropped")[0])


async def turn(stage: Stage, shown: InteractionResult, to: int) -> InteractionResult:
    return await stage.alex.click(shown.response, custom_id=f"page:{to}")


async def test_pages_show_ones_own_orders_newest_first(stage: Stage) -> None:
    await many(stage, 4)
    await stage.drawn(stage.mei, prompt="somebody else's")
    shown = await stage.alex.slash(stage.channel, "history")
    assert shown.response.ephemeral
    words = text(shown.response)
    assert [n for n in range(4) if f"picture {n}" in words] == [1, 2, 3]
    assert words.index("picture 3") < words.index("picture 1")
    assert "seed `3`" in words
    assert "somebody" not in words
    assert len(shown.response.attachments) == 3
    assert disabled(shown.response) == ["◀ Newer"]


async def test_turning_the_page_and_back(stage: Stage) -> None:
    await many(stage, 4)
    shown = await stage.alex.slash(stage.channel, "history")
    await turn(stage, shown, 1)
    assert "picture 0" in text(shown.response)
    assert len(shown.response.attachments) == 1
    assert disabled(shown.response) == ["Older ▶"]
    await turn(stage, shown, 0)
    assert "picture 3" in text(shown.response)


async def test_opening_shows_the_full_picture_to_the_member_alone(stage: Stage) -> None:
    await many(stage, 1)
    shown = await stage.alex.slash(stage.channel, "history")
    result = await stage.alex.click(shown.response, custom_id=ids(shown.response, "open")[0])
    assert result.response.ephemeral
    assert gallery(result.response)[0].endswith("-1.png")
    reworked = {"vary", "edit", "upscale"}
    taken = {"original", "recipe", "star", "pick"}
    assert set(presses(result.response)) == {"new", "again", "remix", "delete"} | reworked | taken


async def test_again_from_history_answers_in_public(stage: Stage) -> None:
    await many(stage, 1)
    shown = await stage.alex.slash(stage.channel, "history")
    result = await stage.alex.click(shown.response, custom_id=ids(shown.response, "again")[0])
    stage.draw()
    await stage.deliver()
    assert not result.response.ephemeral
    assert "Identical" in text(result.response)


async def test_deleting_from_history_removes_the_public_message_and_the_entry(
    stage: Stage,
) -> None:
    await many(stage, 2)
    shown = await stage.alex.slash(stage.channel, "history")
    await drop(stage, shown)
    assert "picture 1" not in text(shown.response)
    assert "picture 0" in text(shown.response)
    assert len(stage.channel.history(viewer=stage.mei)) == 1


async def test_deleting_the_last_entry_of_the_last_page_shows_the_page_before(
    stage: Stage,
) -> None:
    await many(stage, 4)
    shown = await stage.alex.slash(stage.channel, "history")
    await turn(stage, shown, 1)
    await drop(stage, shown)
    assert "picture 3" in text(shown.response)


async def test_an_opened_order_deletes_its_public_message_too(stage: Stage) -> None:
    await many(stage, 1)
    shown = await stage.alex.slash(stage.channel, "history")
    result = await stage.alex.click(shown.response, custom_id=ids(shown.response, "open")[0])
    asked = await stage.alex.click(result.response, custom_id=presses(result.response)["delete"])
    assert asked.response.ephemeral
    await stage.alex.click(asked.response, custom_id=presses(asked.response)["erase"])
    assert stage.channel.history(viewer=stage.mei) == []


async def test_an_empty_history_says_how_to_begin(stage: Stage) -> None:
    words = stage.speaks(stage.alex, "zh-CN")
    shown = await stage.alex.slash(stage.channel, "history")
    assert text(shown.response) == words("history.empty")
    assert "/画图" in text(shown.response)


async def test_lost_thumbnails_leave_the_entry(stage: Stage) -> None:
    await many(stage, 1)
    (order,) = stage.orders()
    await stage.services.files.aremove(order.id)
    shown = await stage.alex.slash(stage.channel, "history")
    assert "picture 0" in text(shown.response)
    assert shown.response.attachments == []


async def test_quota_shows_what_is_left_and_when_it_comes_back(stage: Stage) -> None:
    await stage.imagine(stage.alex, count=3)
    shown = await stage.alex.slash(stage.channel, "quota")
    assert shown.response.ephemeral
    midnight = int(stage.env.now().replace(hour=0, minute=0, second=0).timestamp()) + 86_400
    assert shown.response.content == (
        f"Your plan: **Free**\n**7** of 10 credits left today. New ones come <t:{midnight}:R>."
    )


async def test_quota_names_credits_that_stay(stage: Stage) -> None:
    stage.speaks(stage.mei, "zh-TW")
    with stage.database.begin() as session:
        ledger.grant(session, ledger.Flow(stage.guild.id, stage.mei.id), 5, "gift")
    shown = await stage.mei.slash(stage.channel, "quota")
    assert "另外還有 **5** 點" in shown.response.content


async def test_an_order_that_waits_is_not_said_to_be_cancelled(stage: Stage) -> None:
    await stage.imagine(stage.alex, prompt="a panda")
    shown = await stage.alex.slash(stage.channel, "show", number=stage.orders()[0].id)
    assert "Not drawn yet" in text(shown.response)
    assert {"cancel", "remix"} <= set(presses(shown.response))
    assert "given back" not in text(shown.response)
