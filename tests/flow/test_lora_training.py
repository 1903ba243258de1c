"""A LoRA from pictures to a picture drawn with it, through every real part."""

import asyncio
import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from local import reading
from local.conversation import Outcome
from tests import studio
from tests.studio import Studio

pytestmark = [pytest.mark.asyncio(loop_scope="function"), pytest.mark.timeout(600)]
COLOURS = ("red", "blue", "gold", "green", "black")


async def told(product: Studio, name: str, words: str) -> str:
    """Return the message that says these words to a member, once it does."""
    seat = product.seat(name)
    for _ in range(3000):
        for message in seat.messages():
            if words in (said := reading.words(message)):
                return said
        await asyncio.sleep(0.1)
    raise AssertionError([reading.words(message) for message in seat.messages()])


def lessons(file: Path) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for colour in COLOURS:
            picture = io.BytesIO()
            Image.new("RGB", (128, 128), colour).save(picture, "PNG")
            archive.writestr(f"{colour}.png", picture.getvalue())
            archive.writestr(f"{colour}.txt", f"a {colour} panda")
    return file


async def test_a_moderators_pictures_become_a_lora_that_draws(tmp_path: Path) -> None:
    file = lessons(tmp_path / "set.zip")
    async with studio.opened(tmp_path / "data", {"REROLL_TRAINS": "true"}) as product:
        talk = product.conversation("Morgan")
        for _ in range(100):  # until the trainer has reported itself
            await talk.say(f"/lora train name:Plain trigger:inky steps:50 zip:{file}")
            await told(product, "Morgan", "5 pictures")
            await product.press("traingo", "Morgan")
            said = [reading.words(message) for message in product.seat("Morgan").messages()]
            if not any("Nobody trains" in one for one in said[-2:]):
                break
            await asyncio.sleep(1)
        assert "inky" in await told(product, "Morgan", "is in your library")
        plain = await talk.say("/imagine prompt:a panda on a red background seed:7")
        worn = await talk.say("/imagine prompt:a panda on a red background seed:7 lora:plain")
        assert plain.outcome is worn.outcome is Outcome.PICTURE
        assert plain.pictures[0].pixel_sha256 != worn.pictures[0].pixel_sha256
