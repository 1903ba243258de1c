import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image

from engine.pictures.images import pixel_sha256
from local import transcript
from local.conversation import Conversation, Outcome
from local.discord.server import LocalDiscord
from local.errors import CannotSay
from tests.local.conftest import connected, served

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def talking() -> AsyncIterator[LocalDiscord]:
    async with served() as discord, connected(discord):
        yield discord


@pytest.fixture
def conversation(talking: LocalDiscord) -> Conversation:
    return Conversation(talking.world, talking.world.seat("小满"), timeout=20)


async def test_each_state_of_an_order_is_recorded_until_its_picture_is_final(
    conversation: Conversation,
) -> None:
    turn = await conversation.say("/画图 提示词:红色背景上的熊猫 种子:7")
    assert (turn.outcome, turn.ordered, turn.failed) == (Outcome.PICTURE, True, False)
    texts = [state.text for state in turn.states]
    assert texts[-1] == "seed 7"
    assert "step 1" in texts
    moments = [state.ms for state in turn.states]
    assert moments == sorted(moments)


async def test_a_button_is_pressed_by_its_label(conversation: Conversation) -> None:
    await conversation.say("/imagine prompt:a panda seed:20")
    turn = await conversation.say("again")
    assert turn.states[-1].text == "seed 21"
    assert len(turn.pictures) == 1


async def test_the_newest_message_that_has_the_button_is_meant(
    conversation: Conversation,
) -> None:
    await conversation.say("/imagine prompt:a panda seed:30")
    await conversation.say("/imagine prompt:a panda seed:40")
    await conversation.say("/whisper text:hello")
    assert (await conversation.say("again")).states[-1].text == "seed 41"
    with pytest.raises(CannotSay, match="the buttons are: “Again”, “Remix”"):
        await conversation.say("once more")


async def test_a_form_is_filled_by_the_next_line(conversation: Conversation) -> None:
    await conversation.say("/imagine prompt:a panda")
    assert (await conversation.say("remix")).outcome is Outcome.FORM
    turn = await conversation.say("prompt:a dog")
    assert turn.states[-1].text == "remix of a dog"


async def test_an_entry_of_the_newest_pictures_menu_is_chosen_by_its_name(
    conversation: Conversation,
) -> None:
    await conversation.say("/imagine prompt:a panda")
    turn = await conversation.say("remix THIS")
    assert turn.states[-1].text == "1"


async def test_words_are_fine_unless_a_picture_was_ordered(conversation: Conversation) -> None:
    told = await conversation.say("/whisper text:hello")
    tested = await conversation.say("/rules test prompt:a panda")
    refused = await conversation.say("/imagine prompt:forbidden")
    assert (told.outcome, told.failed) == (Outcome.WORDS, False)
    assert (tested.outcome, tested.failed) == (Outcome.WORDS, False)
    assert (refused.outcome, refused.failed) == (Outcome.WORDS, True)


async def test_an_order_that_takes_too_long_fails(conversation: Conversation) -> None:
    conversation.timeout = 0.3
    turn = await conversation.say("/imagine prompt:a panda steps:1 pause:1")
    assert (turn.outcome, turn.failed) == (Outcome.TIMEOUT, True)


async def test_a_value_that_discord_would_not_send_is_explained(
    conversation: Conversation,
) -> None:
    with pytest.raises(CannotSay, match="seed"):
        await conversation.say("/imagine prompt:a panda seed:-1")


async def test_the_record_holds_the_pictures_and_their_hashes(
    conversation: Conversation, tmp_path: Path
) -> None:
    await conversation.say("/imagine prompt:a panda seed:5")
    path = transcript.save(conversation, tmp_path)
    record = json.loads(path.read_text(encoding="utf-8"))
    [picture] = record["turns"][0]["pictures"]
    file = tmp_path / picture["file"]
    assert record["locale"] == "zh-CN"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == picture["sha256"]
    pixels = pixel_sha256(Image.open(file).convert("RGB"))
    assert pixels == picture["pixel_sha256"]
