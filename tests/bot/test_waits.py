"""A card that waits tells place and time, again and again, and never over what came after it."""

import asyncio

import pytest

from bot.delivery.waits import Waits
from store.line import waiting
from tests.bot.messages import gallery, order_id, text
from tests.bot.stage import Stage


def edits(stage: Stage) -> int:
    return sum(request.method == "PATCH" for request in stage.env.http_requests)


@pytest.fixture
def waits(stage: Stage) -> Waits:
    stage.services.waits._every_s = 0.0
    return stage.services.waits


async def refresh(stage: Stage, waits: Waits) -> None:
    with stage.env.time_context():
        await waits.refresh(stage.database, stage.services.turns)


@pytest.mark.parametrize(
    ("locale", "first", "second"),
    [
        ("en-US", "You are next\n", "No. 2 in line, about 1 s"),
        ("zh-CN", "下一个就是你\n", "第 2 位，大约 1 秒"),
        ("zh-TW", "下一個就輪到你\n", "第 2 位，大概 1 秒"),
    ],
)
async def test_place_and_time_are_told_once_something_is_learned(
    stage: Stage, locale: str, first: str, second: str
) -> None:
    stage.speaks(stage.alex, locale)
    unlearned = await stage.imagine(stage.alex)
    assert first in text(unlearned.response)
    stage.draw()
    await stage.deliver()
    await stage.imagine(stage.mei, count=3)
    told = await stage.imagine(stage.alex)
    assert second in text(told.response)


async def test_the_place_moves_up_while_the_order_waits(stage: Stage, waits: Waits) -> None:
    await stage.imagine(stage.mei)
    result = await stage.imagine(stage.alex)
    assert "No. 2 in line" in text(result.response)
    stage.keep(stage.claim())
    await refresh(stage, waits)
    assert "You are next, about" in text(result.response)
    assert "credits left" in text(result.response)


async def test_what_has_not_changed_is_not_edited(stage: Stage, waits: Waits) -> None:
    await stage.imagine(stage.alex)
    before = edits(stage)
    await refresh(stage, waits)
    assert edits(stage) == before


async def test_no_card_is_refreshed_before_its_time(stage: Stage, waits: Waits) -> None:
    waits._every_s = 10**6
    await stage.imagine(stage.mei)
    result = await stage.imagine(stage.alex)
    stage.keep(stage.claim())
    await refresh(stage, waits)
    assert "No. 2 in line" in text(result.response)


async def test_an_order_that_is_begun_is_left_to_its_progress(stage: Stage, waits: Waits) -> None:
    result = await stage.imagine(stage.alex, count=2)
    claim = stage.claim()
    before, shown = edits(stage), text(result.response)
    await refresh(stage, waits)
    with stage.database.begin() as session:
        assert waiting.still(session, claim.generation_id) is None
    assert (edits(stage), text(result.response)) == (before, shown)


async def test_a_refresh_never_follows_the_result(stage: Stage, waits: Waits) -> None:
    await stage.imagine(stage.mei)
    result = await stage.imagine(stage.alex)
    stage.draw()
    with stage.env.time_context():
        refreshing = asyncio.create_task(waits.refresh(stage.database, stage.services.turns))
        await stage.deliver()
        await refreshing
    assert gallery(result.response)
    before = edits(stage)
    await refresh(stage, waits)
    assert edits(stage) == before
    assert order_id(result.response)


async def test_a_cancelled_order_is_not_followed(stage: Stage, waits: Waits) -> None:
    result = await stage.imagine(stage.alex)
    await stage.alex.click(result.response, custom_id=f"cancel:{order_id(result.response)}")
    before = edits(stage)
    await refresh(stage, waits)
    await refresh(stage, waits)
    assert edits(stage) == before
