"""Ids that a member could not have from a message: gone, outdated, or not theirs."""

from typing import Any

import discord
import pytest

from bot.cards import marks
from bot.errors import PressOutdated
from tests.bot.messages import order_id, presses
from tests.bot.stage import Stage


@pytest.mark.parametrize("said", ["x", "-1", "", "٣", "9" * 60, "1.5"])
def test_a_page_that_is_none_is_outdated(said: str) -> None:
    with pytest.raises(PressOutdated):
        marks.page(said)


def test_a_number_that_no_database_holds_is_outdated() -> None:
    assert marks.nth(None) == 0
    assert marks.nth("1456074443980800037") == 1456074443980800037
    with pytest.raises(PressOutdated):
        marks.nth("9" * 60)


async def elsewhere(stage: Stage) -> Any:
    """Return one who moderates another server, and a card of theirs there."""
    guild = stage.env.create_guild()
    boss = guild.create_role("boss", permissions=discord.Permissions(manage_messages=True))
    eve = guild.add_member(stage.env.create_user("eve"), roles=[boss])
    channel = guild.create_text_channel("elsewhere")
    placed = await eve.slash(channel, "imagine", prompt="own")
    stage.draw()
    await stage.deliver()
    return eve, placed.response


def forging(stage: Stage, custom_id: str) -> None:
    parsers = stage.bot._connection.parsers
    parse = parsers["INTERACTION_CREATE"]

    def forged(data: dict[str, Any]) -> None:
        parsers["INTERACTION_CREATE"] = parse
        parse({**data, "data": {**data["data"], "custom_id": custom_id}})

    parsers["INTERACTION_CREATE"] = forged


@pytest.mark.parametrize(
    "action", ["again", "new", "remix", "recipe", "original", "open", "pick", "vary", "delete"]
)
async def test_an_order_of_another_server_is_gone(stage: Stage, action: str) -> None:
    first = await stage.drawn(stage.alex, prompt="a secret garden")
    secret = order_id(first.response)
    eve, card = await elsewhere(stage)
    heard = len(stage.env.http_requests)
    forging(stage, f"{action}:{secret}")
    await eve.click(card, custom_id=presses(card)["new"])
    assert "secret" not in repr(stage.env.http_requests[heard:])
    assert len(stage.orders()) == 2


@pytest.mark.parametrize("action", ["erase", "rub", "cancel"])
async def test_moderators_keep_order_in_their_own_server_only(stage: Stage, action: str) -> None:
    waiting = await stage.imagine(stage.alex)
    claim = stage.claim()
    eve, card = await elsewhere(stage)
    order = order_id(waiting.response)
    nth = ":1" if action == "rub" else ""
    forging(stage, f"{action}:{order}{nth}")
    await eve.click(card, custom_id=presses(card)["new"])
    left = stage.order(order)
    assert (left.deleted_at, left.cancel_requested) == (None, False)
    stage.keep(claim)
    assert stage.order(order).images[0].file_sha256
