"""A member's own LoRA, through every real part: uploaded, checked by the worker, drawn with."""

import asyncio
from pathlib import Path

import pytest

from local import reading
from local.conversation import Outcome
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


async def test_a_file_that_is_none_is_refused_in_the_members_language(
    product: Studio, tmp_path: Path
) -> None:
    file = tmp_path / "水墨.safetensors"
    file.write_bytes(b"PK\3\4" + bytes(1000))
    await product.conversation("小满").say(f"/lora 添加 文件:{file}")
    await told(product, "小满", "这不是 .safetensors 文件")
