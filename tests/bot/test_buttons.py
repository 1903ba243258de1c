"""The buttons under an order: what they do, who may, after restarts and in other languages."""

import asyncio
from typing import Any

import pytest
from discord.ui import ActionRow, Button, LayoutView

from bot.background import Sweeper
from bot.cards import marks
from bot.services import Services
from store.errors import FilesUnavailable
from store.tables.orders import Generation
from tests.bot.messages import gallery, order_id, presses, text
from tests.bot.stage import Stage, staged
from worker.events import Progress


async def press(stage: Stage, member: Any, message: Any, action: str) -> Any:
    return await member.click(message, custom_id=presses(message)[action])


def told(result: Any) -> Any:
    """Return the last answer: a first follow-up stands where the bot was thinking."""
    return result.followups[-1] if result.followups else result.response


async def erase(stage: Stage, member: Any, message: Any) -> None:
    asked = await press(stage, member, message, "delete")
    assert asked.response.ephemeral
    await press(stage, member, asked.response, "erase")


async def test_same_seed_draws_again_in_a_new_message_and_says_identical(stage: Stage) -> None:
    first = await stage.drawn(stage.alex, seed="7", count=2)
    result = await press(stage, stage.mei, first.response, "again")
    stage.draw()
    await stage.deliver()
    before, after = stage.orders()
    assert after.request == before.request
    assert after.parent_id == before.id
    assert after.user_id == stage.mei.id
    assert stage.left(stage.mei) == 8
    assert stage.left(stage.alex) == 8
    assert result.response.id != first.response.id
    assert "Identical to the original" in text(result.response)
    assert gallery(first.response)


@pytest.mark.parametrize(
    ("recipe", "reason"),
    [
        ({"versions": {"torch": "3"}}, "the drawing software has been updated"),
        ({"device": "cuda"}, "another kind of machine"),
        ({"variant_digest": "other"}, "the model has been updated"),
        ({}, "nothing is known to have changed"),
    ],
)
async def test_same_seed_says_why_the_picture_differs(
    stage: Stage, recipe: dict[str, Any], reason: str
) -> None:
    first = await stage.drawn(stage.alex)
    result = await press(stage, stage.alex, first.response, "again")
    stage.keep(stage.claim(), b"\x89PNG other pixels", **recipe)
    await stage.deliver()
    assert reason in text(result.response)


async def test_same_seed_asks_first_when_the_model_has_been_updated(stage: Stage) -> None:
    first = await stage.imagine(stage.alex)
    stage.draw(variant_digest="yesterday")
    await stage.deliver()
    result = await press(stage, stage.alex, first.response, "again")
    assert "has been updated since" in text(result.followups[-1])
    assert len(stage.orders()) == 1


async def test_new_seed_changes_nothing_but_the_seeds(stage: Stage) -> None:
    first = await stage.drawn(stage.alex, count=2, seed="7", size="portrait", negative="cat")
    result = await press(stage, stage.alex, first.response, "new")
    before, after = stage.orders()
    assert after.request["seeds"] != before.request["seeds"]
    assert {**after.request, "seeds": 0} == {**before.request, "seeds": 0}
    stage.draw()
    await stage.deliver()
    assert len(gallery(result.response)) == 2
    assert "original" not in text(result.response)


async def test_a_reroll_of_a_reroll_of_a_reroll_works(stage: Stage) -> None:
    result = await stage.drawn(stage.alex, seed="7")
    for _ in range(3):
        result = await press(stage, stage.alex, result.response, "again")
        stage.draw()
        await stage.deliver()
        assert "Identical" in text(result.response)


async def test_buttons_work_after_a_restart(stage: Stage) -> None:
    first = await stage.drawn(stage.alex)
    await stage.restart()
    await press(stage, stage.alex, first.response, "new")
    assert len(stage.orders()) == 2


async def test_pressing_without_credits_is_refused_to_the_member_alone(stage: Stage) -> None:
    first = await stage.drawn(stage.alex, count=4)
    for _ in range(2):
        await stage.imagine(stage.mei, count=4)
    result = await press(stage, stage.mei, first.response, "new")
    assert result.followups[-1].ephemeral
    assert "you have 2" in result.followups[-1].content
    assert len(stage.orders()) == 3


@pytest.mark.parametrize("action", ["delete", "cancel"])
async def test_others_may_neither_cancel_nor_delete(stage: Stage, action: str) -> None:
    first = await (stage.drawn if action == "delete" else stage.imagine)(stage.alex)
    words = stage.speaks(stage.mei, "zh-CN")
    result = await press(stage, stage.mei, first.response, action)
    assert told(result).content == words("errors.not_yours")
    assert told(result).ephemeral
    assert stage.orders()[0].deleted_at is None
    assert not stage.orders()[0].cancel_requested


@pytest.mark.parametrize("who", ["alex", "moderator"])
async def test_the_owner_and_moderators_delete_row_files_and_message(
    stage: Stage, who: str
) -> None:
    first = await stage.drawn(stage.alex)
    placed = order_id(first.response)
    digest = stage.order(placed).images[0].file_sha256 or ""
    await erase(stage, getattr(stage, who), first.response)
    assert stage.channel.history() == []
    assert stage.orders()[0].deleted_at
    await Sweeper(stage.services).sweep()
    with pytest.raises(FilesUnavailable):
        await stage.services.files.aget(placed, digest)
    assert stage.orders()[0].purged_at


async def test_deleting_asks_back_and_may_be_left(stage: Stage) -> None:
    words = stage.speaks(stage.alex, "zh-TW")
    first = await stage.drawn(stage.alex, prompt="a `panda`", count=2)
    asked = await press(stage, stage.alex, first.response, "delete")
    assert text(asked.response).startswith(words("removal.question", count=2))
    assert "\\`panda\\`" in text(asked.response)
    assert stage.channel.history(viewer=stage.mei)
    await press(stage, stage.alex, asked.response, "keep")
    assert gallery(first.response)
    assert stage.orders()[0].deleted_at is None


async def test_somebody_elses_answer_to_the_question_deletes_nothing(stage: Stage) -> None:
    first = await stage.drawn(stage.alex)
    asked = await press(stage, stage.alex, first.response, "delete")
    stolen = presses(asked.response)["erase"]
    view = LayoutView()
    view.add_item(ActionRow(Button(label="erase", custom_id=stolen)))
    channel = stage.bot.get_partial_messageable(stage.channel.id)
    await channel.get_partial_message(first.response.id).edit(view=view, attachments=[])
    await stage.mei.click(first.response, custom_id=stolen)
    assert stage.orders()[0].deleted_at is None


async def test_a_deletion_after_a_restart_still_removes_the_message(stage: Stage) -> None:
    first = await stage.drawn(stage.alex)
    asked = await press(stage, stage.alex, first.response, "delete")
    await stage.restart()
    await press(stage, stage.alex, asked.response, "erase")
    assert stage.channel.history() == []


async def test_deleting_an_order_leaves_its_rerolls_pictures(stage: Stage) -> None:
    first = await stage.drawn(stage.alex, seed="7")
    second = await press(stage, stage.mei, first.response, "again")
    stage.draw()
    await stage.deliver()
    await erase(stage, stage.alex, first.response)
    await Sweeper(stage.services).sweep()
    again = order_id(second.response)
    assert await stage.services.files.aget(again, stage.order(again).images[0].file_sha256 or "")


@pytest.mark.parametrize("who", ["alex", "moderator"])
async def test_a_waiting_order_is_cancelled_and_refunded(stage: Stage, who: str) -> None:
    first = await stage.imagine(stage.alex, count=2)
    await press(stage, getattr(stage, who), first.response, "cancel")
    assert stage.services.bell.is_set()
    await stage.deliver()
    assert text(first.response).startswith("Cancelled.")
    assert "credits given back 2" in text(first.response)
    assert stage.left(stage.alex) == 10


async def test_progress_does_not_bring_the_cancel_button_back(stage: Stage) -> None:
    first = await stage.imagine(stage.alex)
    stage.claim()
    await press(stage, stage.alex, first.response, "cancel")
    with stage.env.time_context():
        generation_id = order_id(first.response)
        event = Progress(generation_id=generation_id, index=0, step=1, steps=8, preview=False)
        stage.board().push(event)
        await asyncio.sleep(0.2)
    assert "Stopping" in text(first.response)


async def test_a_button_of_another_version_is_answered(stage: Stage) -> None:
    first = await stage.drawn(stage.alex)
    view = LayoutView()
    view.add_item(ActionRow(Button(label="fly", custom_id="fly:0123456789")))
    channel = stage.bot.get_partial_messageable(stage.channel.id)
    await channel.get_partial_message(first.response.id).edit(view=view, attachments=[])
    result = await stage.mei.click(first.response, custom_id="fly:0123456789")
    assert "older version" in result.response.content


async def test_cancelling_keeps_what_is_finished(stage: Stage) -> None:
    first = await stage.imagine(stage.alex, count=3)
    stage.keep(stage.claim())
    await press(stage, stage.alex, first.response, "cancel")
    assert "Stopping" in text(first.response) or gallery(first.response)
    await stage.deliver()
    assert len(gallery(first.response)) == 1
    assert "2 of 3 could not be drawn. Cancelled." in text(first.response)
    assert stage.left(stage.alex) == 9


async def test_an_order_deleted_while_it_is_drawn_is_not_delivered(stage: Stage) -> None:
    first = await stage.drawn(stage.alex)
    result = await press(stage, stage.alex, first.response, "again")
    claim = stage.claim()
    with stage.database.begin() as session:
        session.get_one(Generation, order_id(result.response)).deleted_at = 1
    stage.keep(claim)
    await stage.deliver()
    assert not gallery(result.response)


async def test_a_press_on_a_deleted_order_is_explained(stage: Stage) -> None:
    first = await stage.drawn(stage.alex)
    with stage.database.begin() as session:
        session.query(Generation).update({"deleted_at": 1})
    for action in ("again", "new", "delete"):
        result = await press(stage, stage.alex, first.response, action)
        assert "has been deleted" in told(result).content
    result = await press(stage, stage.alex, first.response, "remix")
    assert "has been deleted" in result.response.content


async def test_an_unexpected_error_gives_a_reference_that_stands_in_the_log(
    world: Services, logged: list[Any]
) -> None:
    async with staged(world) as stage:
        first = await stage.drawn(stage.alex)
        with stage.database.begin() as session:
            session.query(Generation).update({"request": {"from": "the future"}})
        result = await press(stage, stage.alex, first.response, "new")
        (told,) = result.followups
    (line,) = [line for line in logged if line["log_level"] == "error"]
    assert f"`{line['reference']}`" in told.content
    assert isinstance(line["exc_info"], TypeError)
    assert "TypeError" not in told.content


def test_the_custom_ids_stay_within_discords_hundred_characters() -> None:
    assert len(marks.button("delete", "0123456789", 10**6)) <= 100


@pytest.mark.parametrize(("status", "code"), [(401, 50027), (404, 10015)])
async def test_a_press_whose_token_dies_meanwhile_is_no_error_of_ours(
    stage: Stage, logged: list[Any], status: int, code: int
) -> None:
    first = await stage.imagine(stage.alex)
    stage.env.inject_error("PATCH", "/webhooks/*", status=status, code=code)
    stage.env.inject_error("POST", "/webhooks/*", status=status, code=code)
    await press(stage, stage.alex, first.response, "cancel")
    (order,) = stage.orders()
    assert order.status == "cancelled"
    assert not [line for line in logged if line["log_level"] == "error"]
