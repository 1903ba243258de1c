"""A member's own LoRA, through every real part: uploaded, checked by the worker, drawn with."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select

from local import reading
from local.conversation import Outcome
from store.host import controls
from store.tables.money import LedgerEntry
from tests.studio import Studio
from tests.worker.lora_files import content

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]


async def told(product: Studio, name: str, words: str) -> str:
    """Return the message that says these words to a member, once it does."""
    seat = product.seat(name)
    for _ in range(300):
        for message in seat.messages():
            if words in (said := reading.words(message)):
                return said
        await asyncio.sleep(0.1)
    raise AssertionError([reading.words(message) for message in seat.messages()])


async def test_an_uploaded_lora_is_checked_and_drawn_with(product: Studio, tmp_path: Path) -> None:
    file = tmp_path / "ink.safetensors"
    file.write_bytes(content(1))
    talk = product.conversation("Alex")
    await talk.say(f"/lora add file:{file} name:Ink triggers:panda")
    assert "Starter" in await told(product, "Alex", "rank 3")
    plain = await talk.say("/imagine prompt:a panda on a red background seed:7")
    worn = await talk.say("/imagine prompt:a panda on a red background seed:7 lora:ink:0.5")
    again = await talk.say("again")
    assert plain.outcome is worn.outcome is again.outcome is Outcome.PICTURE
    seen = [turn.pictures[0].pixel_sha256 for turn in (plain, worn, again)]
    assert seen[0] != seen[1] == seen[2]
    assert "Ink\\:0.5" in worn.states[-1].text


async def test_a_lora_removed_before_its_turn_costs_nothing_and_is_told(
    product: Studio, tmp_path: Path
) -> None:
    file = tmp_path / "wash.safetensors"
    file.write_bytes(content(2))
    talk = product.conversation("Morgan")
    await talk.say(f"/lora add file:{file} name:Wash")
    await told(product, "Morgan", "rank 3")
    orders = len(product.orders())
    with product.database.begin() as session:
        controls.set_flow(session, controls.Flow.PAUSED, by=1)
    waiting = asyncio.create_task(talk.say("/imagine prompt:a panda on a red background lora:wash"))
    while len(product.orders()) == orders:
        await asyncio.sleep(0.05)
    waiting.cancel()
    await product.conversation("Morgan").say("/lora remove name:Wash")
    await product.press("loragone", "Morgan")
    await told(product, "Morgan", "is removed")
    with product.database.begin() as session:
        controls.set_flow(session, controls.Flow.RUNNING, by=1)
    await told(product, "Morgan", "has been removed, so nothing was charged")
    order = product.orders()[-1]
    assert order.error == {"code": "lora_lost", "params": {}}
    with product.database.begin() as session:
        entries = session.scalars(select(LedgerEntry).filter_by(reference=order.id)).all()
    assert [entry.kind for entry in entries] == ["hold", "refund"]
    assert sum(entry.amount for entry in entries) == 0


async def test_a_file_that_is_none_is_refused_in_the_members_language(
    product: Studio, tmp_path: Path
) -> None:
    file = tmp_path / "水墨.safetensors"
    file.write_bytes(b"PK\3\4" + bytes(1000))
    await product.conversation("小满").say(f"/lora 添加 文件:{file}")
    await told(product, "小满", "这不是 .safetensors 文件")
