"""A database without room: the member is told in words, and pays nothing."""

import pytest

from tests.bot.messages import text
from tests.bot.stage import Stage
from tests.full import full

TOLD = {"en-US": "Nothing was charged", "zh-CN": "没有扣点数", "zh-TW": "沒有扣點數"}
PROMPT = "a panda " * 45


@pytest.mark.parametrize("locale", TOLD)
async def test_an_order_that_finds_no_room_is_told_of_and_costs_nothing(
    stage: Stage, locale: str
) -> None:
    stage.speaks(stage.alex, locale)
    before = stage.left(stage.alex)
    with full(stage.database):
        result = await stage.imagine(stage.alex, prompt=PROMPT)
    (told,) = result.followups
    assert told.ephemeral
    assert TOLD[locale] in told.content
    assert [one for one in stage.orders() if one.user_id == stage.alex.id] == []
    assert stage.left(stage.alex) == before
    again = await stage.imagine(stage.alex, prompt=PROMPT)
    assert not again.followups
    assert "a panda" in text(again.response)
