"""/verify: any file, told from what is sure down to what it merely says."""

import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from bot.services import Services
from engine.labels import certificate, tags
from engine.labels.labelling import Labels
from engine.labels.seal import Seal
from engine.pictures.images import encoded, pixel_sha256
from engine.pictures.uploads import FORMATS
from store.line import claims
from store.line.endings import Kept
from store.tables.orders import Generation
from tests.bot.messages import png, presses, text
from tests.bot.stage import Stage, staged
from tests.store import ends

PICTURE = Image.effect_noise((64, 48), 70).convert("RGB")
MENU = "Check picture"


@pytest.fixture
async def signing(world: Services, tmp_path: Path) -> AsyncIterator[Stage]:
    files = certificate.make(tmp_path / "host", "A host", datetime.now(UTC))
    async with staged(replace(world, labels=Labels(seal=Seal.load(*files)))) as stage:
        yield stage


async def drawn(stage: Stage, *, wordless: bool = False, **options: Any) -> tuple[Any, bytes]:
    """Order and draw a picture as a worker does; return its message and the file."""
    result = await stage.imagine(stage.mei, **options)
    claim = stage.claim()
    recipe = stage.recipe(claim)
    content = stage.services.labels.kept(encoded(PICTURE), recipe, claim.number, wordless=wordless)
    kept = Kept(
        file_sha256=stage.services.files.put(claim.generation_id, content),
        file_bytes=len(content),
        pixel_sha256=pixel_sha256(PICTURE),
        recipe=recipe,
        seconds=0.4,
    )
    with stage.database.begin() as session:
        ends.keep(session, claim, kept)
    await stage.deliver()
    return result.response, content


async def verified(stage: Stage, member: Any, content: bytes, name: str = "x.png") -> Any:
    return (await member.slash(stage.channel, "verify", picture=(name, content))).response


def title(stage: Stage, locale: str, key: str) -> str:
    return stage.services.texts.of(locale)(f"verify.{key}")


@pytest.mark.parametrize("locale", ["en-US", "zh-CN", "zh-TW"])
async def test_a_delivered_file_is_known_signed_labelled_and_can_be_proved(
    signing: Stage, locale: str
) -> None:
    stage = signing
    stage.speaks(stage.alex, locale)
    message, _ = await drawn(stage, prompt="红色的熊猫", seed="7")
    content = await message.attachments[0].read()
    card = await verified(stage, stage.alex, content)
    assert card.ephemeral
    said, order = text(card), stage.orders()[0]
    assert said.startswith(title(stage, locale, "exact"))
    assert title(stage, locale, "signature_ours") in said
    assert order.id in said
    label = title(stage, locale, "aigc_1")
    producer = stage.services.texts.of(locale)("verify.producer", producer="reroll")
    assert f"{label} · {producer} · " in said
    assert f"{order.id}\\-1" in said
    assert "红色的熊猫" in said
    proof = await stage.alex.click(card, custom_id=presses(card)["again"])
    again = stage.orders()[1]
    assert again.parent_id == order.id
    assert again.request["seeds"] == [7]
    claim = stage.claim()
    stage.keep(claim, encoded(PICTURE))
    assert proof.response


async def test_a_wordless_file_tells_no_prompt(signing: Stage) -> None:
    _, content = await drawn(signing, wordless=True, prompt="a secret garden")
    said = text(await verified(signing, signing.alex, content))
    assert "secret" not in said
    assert title(signing, "en-US", "wordless") in said


async def test_the_menu_of_a_message_verifies_its_picture(signing: Stage) -> None:
    message, _ = await drawn(signing)
    told = await signing.alex.context_menu(signing.channel, MENU, message)
    assert text(told.response).startswith(title(signing, "en-US", "exact"))


async def test_a_copy_that_was_saved_anew_only_says_that_it_is_from_here(signing: Stage) -> None:
    _, content = await drawn(signing)
    small, out = signing.services.labels.copy(content, "x", 10**6)[0], io.BytesIO()

    with Image.open(io.BytesIO(small)) as picture:
        picture.save(out, "JPEG", quality=70, **tags.read(content).for_saving())
    card = await verified(signing, signing.alex, out.getvalue(), "x.jpg")
    said = text(card)
    assert said.startswith(title(signing, "en-US", "claimed"))
    assert title(signing, "en-US", "signature_none") in said
    assert "again" in presses(card)


async def test_pixels_are_known_without_any_label(signing: Stage) -> None:
    await drawn(signing)
    card = await verified(signing, signing.alex, encoded(PICTURE))
    assert text(card).startswith(title(signing, "en-US", "exact"))
    assert title(signing, "en-US", "aigc_none") in text(card)


async def test_a_changed_file_has_a_broken_signature(signing: Stage) -> None:
    _, content = await drawn(signing)
    changed = bytearray(content)
    changed[-30] ^= 1
    said = text(await verified(signing, signing.alex, bytes(changed)))
    assert title(signing, "en-US", "signature_broken") in said


async def test_a_strangers_file_is_not_known(stage: Stage) -> None:
    card = await verified(stage, stage.alex, png(7, (64, 64)))
    said = text(card)
    assert said.startswith(title(stage, "en-US", "unknown_unsigned"))
    assert "sign" not in said
    assert "again" not in presses(card)


@pytest.mark.parametrize("locale", ["en-US", "zh-CN", "zh-TW"])
@pytest.mark.parametrize("content", [b"not a picture", b"", b"\x89PNG\r\n\x1a\n\0\0"])
async def test_what_is_no_picture_is_told_so_and_which_kinds_can_be_read(
    stage: Stage, content: bytes, locale: str
) -> None:
    words = stage.speaks(stage.alex, locale)
    said = text(await verified(stage, stage.alex, content))
    formats = words("list.comma").join(FORMATS).replace("WEBP", "WebP")
    assert said == words("verify.unreadable", formats=formats)
    assert "JPEG" in said


@pytest.mark.parametrize("locale", ["en-US", "zh-CN", "zh-TW"])
async def test_a_host_that_signs_nothing_speaks_of_no_signature(stage: Stage, locale: str) -> None:
    words = stage.speaks(stage.alex, locale)
    message, _ = await drawn(stage)
    said = text(await verified(stage, stage.alex, await message.attachments[0].read()))
    assert words("verify.signature_none") not in said
    assert words("verify.aigc_1") in said
    assert "AIGC" not in said


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ({"Label": "3"}, "aigc_3"),
        ({"Label": "2", "ContentProducer": "x y", "ProduceID": ""}, "aigc_2"),
        ({"Label": "@everyone"}, "aigc_none"),
    ],
)
async def test_labels_of_others_are_told_in_words(stage: Stage, field: Any, said: str) -> None:
    info = PngInfo()
    info.add_text("AIGC", json.dumps(field))
    out = io.BytesIO()
    PICTURE.save(out, "PNG", pnginfo=info)
    shown = text(await verified(stage, stage.alex, out.getvalue()))
    assert title(stage, "en-US", said) in shown.replace("\n", " · ").split(" · ")
    assert ("namely x y" in shown) == (said == "aigc_2")


async def test_what_others_ordered_elsewhere_is_not_told(signing: Stage) -> None:
    stage = signing
    _, content = await drawn(stage, prompt="a panda")
    with stage.database.begin() as session:
        session.query(Generation).update({"guild_id": 4711})
    card = await verified(stage, stage.alex, encoded(PICTURE))
    order = stage.orders()[0]
    assert title(stage, "en-US", "elsewhere") in text(card)
    assert order.id not in text(card)
    assert "again" not in presses(card)
    own = await verified(stage, stage.mei, content)
    assert order.id in text(own)


async def test_a_deleted_order_is_not_told_but_its_signature_still_holds(signing: Stage) -> None:
    _, content = await drawn(signing)
    with signing.database.begin() as session:
        session.query(Generation).update({"deleted_at": 1})
    said = text(await verified(signing, signing.alex, content))
    assert said.startswith(title(signing, "en-US", "signed"))


async def test_a_file_that_lies_about_its_number_is_not_believed(signing: Stage) -> None:
    await drawn(signing)
    order = signing.orders()[0]
    recipe = signing.recipe(claims.Claim(order.id, 0, 1, 1, dict(order.request)))
    lie = Labels().kept(png(9, (64, 64)), recipe, f"{order.id}-1")
    said = text(await verified(signing, signing.alex, lie))
    assert said.startswith(title(signing, "en-US", "claimed"))
