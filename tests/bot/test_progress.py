"""Progress is shown seldom, newest first, and never over the result."""

import asyncio
from typing import Any

from bot.delivery.turns import Turns
from tests.bot.messages import gallery, order_id, png, presses, text
from tests.bot.stage import Stage
from worker.events import Progress


def event(generation_id: str, step: int, index: int = 0, *, preview: bool = False) -> Progress:
    return Progress(generation_id=generation_id, index=index, step=step, steps=8, preview=preview)


def edits(stage: Stage) -> int:
    return sum(request.method == "PATCH" for request in stage.env.http_requests)


async def settle(condition: Any) -> None:
    async with asyncio.timeout(3):
        while not condition():
            await asyncio.sleep(0.01)


async def test_progress_shows_percent_picture_and_preview(stage: Stage) -> None:
    result = await stage.imagine(stage.alex, count=2)
    generation_id = order_id(result.response)
    stage.services.files.put_preview(generation_id, png(1))
    with stage.env.time_context():
        board = stage.board()
        board.push(event(generation_id, 8))
        board.push(event(generation_id, 2, index=1, preview=True))
        await settle(lambda: gallery(result.response))
    shown = text(result.response)
    assert "Drawing picture 2 of 2" in shown
    assert "62%" in shown
    assert gallery(result.response) == ["preview.png"]
    assert set(presses(result.response)) == {"cancel"}


async def test_a_message_that_is_gone_is_not_looked_for_at_every_step(stage: Stage) -> None:
    result = await stage.imagine(stage.alex)
    placed = order_id(result.response)
    await stage.moderator.delete(result.response)
    before = edits(stage)
    with stage.env.time_context():
        board = stage.board()
        for step in range(1, 5):
            board.push(event(placed, step))
            await asyncio.sleep(0.1)
    assert edits(stage) == before + 1
    stage.draw()
    await stage.deliver()
    assert gallery(stage.channel.history()[0])


async def test_a_quick_order_is_not_worth_an_edit(stage: Stage) -> None:
    result = await stage.imagine(stage.alex)
    generation_id = order_id(result.response)
    before = edits(stage)
    with stage.env.time_context():
        board = stage.board(first_s=0.3)
        board.push(event(generation_id, 4))
        stage.draw()
        await stage.deliver()
        await asyncio.sleep(0.5)
    assert edits(stage) == before + 1
    assert gallery(result.response)


async def test_of_many_reports_only_the_newest_is_shown(stage: Stage) -> None:
    result = await stage.imagine(stage.alex)
    generation_id = order_id(result.response)
    before = edits(stage)
    with stage.env.time_context():
        board = stage.board(first_s=0.1, every_s=0.1)
        for step in range(1, 8):
            board.push(event(generation_id, step))
        await settle(lambda: "87%" in text(result.response))
        await asyncio.sleep(0.3)
    assert edits(stage) == before + 1


async def test_a_report_after_the_result_changes_nothing(stage: Stage) -> None:
    result = await stage.drawn(stage.alex)
    before = edits(stage)
    generation_id = order_id(result.response)
    with stage.env.time_context():
        board = stage.board()
        board.push(event(generation_id, 5))
        await asyncio.sleep(0.2)
    assert edits(stage) == before
    assert gallery(result.response)


async def test_a_report_after_the_result_changes_nothing_even_after_a_restart(
    stage: Stage,
) -> None:
    result = await stage.drawn(stage.alex)
    await stage.restart()
    before = edits(stage)
    with stage.env.time_context():
        stage.board().push(event(order_id(result.response), 5))
        await asyncio.sleep(0.2)
    assert edits(stage) == before


async def test_progress_goes_on_after_a_restart_and_after_the_token(stage: Stage) -> None:
    result = await stage.imagine(stage.alex)
    await stage.restart()
    await stage.env.advance_time(901)
    with stage.env.time_context():
        stage.board().push(event(order_id(result.response), 4))
        await settle(lambda: "50%" in text(result.response))


async def test_reports_on_deleted_or_unknown_orders_are_dropped(stage: Stage) -> None:
    before = edits(stage)
    with stage.env.time_context():
        stage.board().push(event("0123456789", 4))
        await asyncio.sleep(0.1)
    assert edits(stage) == before


async def test_the_end_waits_for_an_edit_under_way_and_no_other_follows() -> None:
    turns, seen = Turns(), []

    async def slow(name: str) -> None:
        await asyncio.sleep(0.05)
        seen.append(name)

    running = asyncio.create_task(turns.interim("a", lambda: slow("60%")))
    queued = asyncio.create_task(turns.interim("a", lambda: slow("70%")))
    await asyncio.sleep(0)
    await turns.end("a")
    seen.append("result")
    assert await running
    assert not await queued
    assert not await turns.interim("a", lambda: slow("80%"))
    assert seen == ["60%", "result"]


async def test_a_stuck_edit_is_dropped_rather_than_waited_for() -> None:
    turns = Turns(interim_s=0.05)
    stuck = asyncio.create_task(turns.interim("a", lambda: asyncio.sleep(60)))
    await asyncio.sleep(0)
    async with asyncio.timeout(1):
        await turns.end("a")
    assert not await stuck


async def test_orders_do_not_wait_for_each_other() -> None:
    turns = Turns()
    stuck = asyncio.create_task(turns.interim("a", lambda: asyncio.sleep(60)))
    await asyncio.sleep(0)
    assert await turns.interim("b", lambda: asyncio.sleep(0))
    stuck.cancel()
