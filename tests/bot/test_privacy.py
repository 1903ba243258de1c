"""Members take their data away or have it forgotten; no prompt is ever written to a log."""

import asyncio
import io
import json
import logging
import random
import zipfile
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import update

from bot.background import Sweeper
from engine.errors import WeightsBroken
from store.database import Database
from store.tables.orders import Generation
from tests.bot.messages import order_id, presses, text
from tests.bot.stage import Stage
from tests.store import ends


async def unpacked(stage: Stage, messages: list[Any]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for message in messages:
        for file in message.attachments:
            with zipfile.ZipFile(io.BytesIO(await file.read())) as packed:
                assert packed.testzip() is None
                found |= {name: packed.read(name) for name in packed.namelist()}
    return found


@pytest.mark.parametrize("locale", ["en-US", "zh-CN", "zh-TW"])
async def test_an_export_holds_rows_and_pictures_of_ones_own(stage: Stage, locale: str) -> None:
    words = stage.speaks(stage.alex, locale)
    await stage.drawn(stage.mei, prompt="a secret cat")
    mine = await stage.drawn(stage.alex, prompt="红熊猫", count=2)
    result = await stage.alex.slash(stage.channel, "privacy export")
    assert result.response.ephemeral
    assert result.response.content == words("privacy.exported")
    files = await unpacked(stage, [result.response])
    order = order_id(mine.response)
    rows = json.loads(files["generations-1.json"])
    assert [row["request"]["prompt"] for row in rows] == ["红熊猫"]
    assert f"pictures/{order}-1.png" in files
    assert files[f"pictures/{order}-2.png"].startswith(b"\x89PNG")
    everything = b"".join(files.values())
    assert b"secret cat" not in everything
    assert stage.orders()[1].token.encode() not in everything


async def test_an_export_that_came_to_nothing_may_be_asked_for_at_once(
    stage: Stage, tmp_path: Path
) -> None:
    there = stage.database
    away = Database(f"sqlite:///{tmp_path}/missing/reroll.db")
    object.__setattr__(stage.services, "database", away)
    told = await stage.alex.slash(stage.channel, "privacy export")
    words = stage.services.texts.of("en-US")
    assert told.response.content == words("errors.store_unavailable")
    object.__setattr__(stage.services, "database", there)
    away.close()
    result = await stage.alex.slash(stage.channel, "privacy export")
    assert result.response.attachments


async def test_an_export_comes_in_parts_and_says_what_did_not_fit(stage: Stage) -> None:
    for _ in range(2):
        await stage.imagine(stage.alex, count=4)
    while stage.waiting():
        stage.keep(stage.claim(), noise(40_000))
    await stage.deliver()
    stage.upload_limit = 70_000
    result = await stage.alex.slash(stage.channel, "privacy export")
    sent = [result.response, *result.followups]
    assert len(sent) == 5
    files = await unpacked(stage, sent)
    pictures = [name for name in files if name.startswith("pictures/")]
    assert all(one.attachments[0].size <= 70_000 for one in sent)
    assert f"did not fit: {8 - len(pictures)}." in result.response.content
    assert len(pictures) == 5


def noise(size: int) -> bytes:
    """Return so many bytes that nothing packs."""
    return random.Random(size).randbytes(size)


async def test_exports_have_a_pace(stage: Stage) -> None:
    await stage.alex.slash(stage.channel, "privacy export")
    again = await stage.alex.slash(stage.channel, "privacy export")
    assert "You can again <t:" in again.response.content
    await stage.mei.slash(stage.channel, "privacy export")


@pytest.mark.parametrize("locale", ["en-US", "zh-CN", "zh-TW"])
async def test_forgetting_asks_first_and_then_leaves_nothing(stage: Stage, locale: str) -> None:
    words = stage.speaks(stage.alex, locale)
    drawn = (await stage.drawn(stage.alex)).response.id
    waiting = order_id((await stage.imagine(stage.alex, count=2)).response)
    asked = await stage.alex.slash(stage.channel, "privacy forget")
    assert words("privacy.question") in text(asked.response)
    assert len(stage.orders()) == 2
    await stage.alex.click(asked.response, custom_id=presses(asked.response)["oblivion"])
    assert words("privacy.forgotten") in text(asked.response)
    orders = stage.orders()
    assert all(order.user_id < 0 and order.deleted_at is not None for order in orders)
    assert next(order for order in orders if order.id == waiting).status == "cancelled"
    assert stage.left(stage.alex) == 9
    assert drawn not in [one.id for one in stage.channel.history()]
    await Sweeper(stage.services).sweep()
    assert {order.request["prompt"] for order in stage.orders()} == {""}
    history = await stage.alex.slash(stage.channel, "history")
    assert words("history.empty") in text(history.response)


async def test_what_is_being_drawn_ends_first(stage: Stage) -> None:
    await stage.imagine(stage.alex)
    claim = stage.claim()
    asked = await stage.alex.slash(stage.channel, "privacy forget")

    async def stop() -> None:
        await asyncio.sleep(0.7)
        assert stage.orders()[0].user_id == stage.alex.id
        with stage.database.begin() as session:
            ends.cancelled(session, claim)

    stopping = asyncio.create_task(stop())
    await stage.alex.click(asked.response, custom_id=presses(asked.response)["oblivion"])
    await stopping
    assert "Forgotten" in text(asked.response)
    assert stage.orders()[0].user_id < 0


async def test_no_prompt_is_written_to_a_log(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = "velvetword"
    with structlog.testing.capture_logs() as lines:
        first = await stage.drawn(stage.alex, prompt=said, negative=said, guidance=4.0)
        await stage.imagine(stage.alex, prompt=f"{said} nude")
        await stage.imagine(stage.alex, prompt=said, size=said)
        form = await stage.alex.click(first.response, custom_id=presses(first.response)["remix"])
        await stage.alex.submit_modal(form, {"prompt": said, "size": "", "seed": ""})
        stage.fail(stage.claim(), WeightsBroken(variant="starter"))
        with stage.database.begin() as session:
            session.execute(update(Generation).values(channel_id=1, token_at=1, message_id=1))
        await stage.deliver()
        await stage.alex.slash(stage.channel, "history", search=said)
    ours = [record for record in caplog.records if not record.name.startswith("simcord")]
    written = [record.getMessage() for record in ours if record.levelno >= logging.INFO]
    assert lines
    assert said not in str(lines)
    assert not [line for line in written if said in line]
