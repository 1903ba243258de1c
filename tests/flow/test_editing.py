"""Pictures made of pictures, through every real part: painted over, masked, expanded, varied."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from local.conversation import Conversation, Outcome, Turn
from tests.studio import Studio

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]


def pixels(product: Studio, turn: Turn, index: int = 0) -> np.ndarray:
    """Return the pixels of a picture that a turn has brought."""
    content = product.world.backend.cdn.get(turn.pictures[index].url)
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).mean())


def save(picture: Image.Image, path: Path) -> Path:
    picture.save(path)
    return path


async def drawn(product: Studio, talk: Conversation) -> tuple[np.ndarray, str]:
    """Order a picture; return its pixels and its number."""
    turn = await talk.say("/imagine prompt:a panda on a red background seed:7")
    assert turn.outcome is Outcome.PICTURE
    return pixels(product, turn), product.orders()[-1].id


async def test_variations_stay_near_and_differ_from_each_other(product: Studio) -> None:
    talk = product.conversation("小满")
    before, number = await drawn(product, talk)
    turn = await talk.say(f"/变体 编号:{number} 张数:2 幅度:轻微")
    assert turn.outcome is Outcome.PICTURE
    one, two = pixels(product, turn, 0), pixels(product, turn, 1)
    far = await talk.say("/画图 提示词:蓝色背景上的香蕉 种子:3")
    assert difference(one, two) > 0
    assert max(difference(one, before), difference(two, before)) < difference(
        pixels(product, far), before
    )
    assert "在原图上改的" in turn.states[-1].text or "改动 40%" in turn.states[-1].text
    again = await talk.say("再来一张")
    assert again.outcome is Outcome.PICTURE


async def test_a_masked_edit_changes_what_the_mask_marks_and_nothing_else(
    product: Studio, tmp_path: Path
) -> None:
    talk = product.conversation()
    before, number = await drawn(product, talk)
    mask = Image.new("L", (128, 128), 0)
    mask.paste(255, (0, 0, 128, 40))
    path = save(mask, tmp_path / "mask.png")
    turn = await talk.say(
        f"/edit prompt:a panda on a blue background from:{number} mask:{path} seed:5"
    )
    assert turn.outcome is Outcome.PICTURE
    after = pixels(product, turn)
    assert (after[40:] == before[40:]).all()
    assert difference(after[:30], before[:30]) > 2
    again = await talk.say("again")
    assert (pixels(product, again) == after).all()
    assert "Identical" in again.states[-1].text


async def test_an_expanded_picture_holds_the_picture(product: Studio) -> None:
    talk = product.conversation("阿哲")
    before, number = await drawn(product, talk)
    turn = await talk.say(f"/擴圖 編號:{number} 右:33 種子:4")
    assert turn.outcome is Outcome.PICTURE
    after = pixels(product, turn)
    assert after.shape == (96, 128, 3)
    smaller = Image.fromarray(before.astype(np.uint8)).resize((96, 96), Image.Resampling.LANCZOS)
    assert (after[:, :80] == np.asarray(smaller)[:, :80]).all()
    assert after[:, 100:].std() > 0


async def test_an_upload_is_edited_and_a_bad_one_costs_nothing(
    product: Studio, tmp_path: Path
) -> None:
    talk = product.conversation("Morgan")
    photo = save(Image.linear_gradient("L").resize((400, 300)), tmp_path / "photo.jpg")
    turn = await talk.say(f"/edit prompt:a panda image:{photo} change:half seed:1")
    assert turn.outcome is Outcome.PICTURE
    assert pixels(product, turn).shape == (96, 128, 3)
    left, orders = product.left("Morgan"), len(product.orders())
    broken = tmp_path / "broken.png"
    broken.write_bytes(photo.read_bytes()[:900])
    told = await talk.say(f"/edit prompt:a panda image:{broken}")
    assert told.outcome is Outcome.WORDS
    assert told.states[-1].ephemeral
    assert (product.left("Morgan"), len(product.orders())) == (left, orders)


async def test_the_menu_of_a_message_opens_the_form_that_edits_its_picture(
    product: Studio,
) -> None:
    talk = product.conversation("阿哲")
    _, number = await drawn(product, talk)
    form = await talk.say("拿這張圖來改一改")
    assert form.outcome is Outcome.FORM
    turn = await talk.say("提示詞:紅色背景上的狼 改多少:改一點點")
    assert turn.outcome is Outcome.PICTURE
    order = product.orders()[-1]
    assert order.parent_id == number
    assert order.request["strength"] == 0.4
