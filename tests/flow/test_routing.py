"""A prompt that the chosen variant cannot write: a question, one click, the other one's picture."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from engine.variants.catalog import VARIANTS
from local import reading
from local.conversation import Outcome
from tests import studio
from tests.studio import Studio

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

LETTERED = "/imagine prompt:a panda with a sign saying “你好” seed:7"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Studio]:
    """A product with two variants of the starter's weights, of which the second writes Chinese."""
    folder = tmp_path_factory.mktemp("variants")
    mute = (VARIANTS / "starter.toml").read_text(encoding="utf-8")
    (folder / "mute.toml").write_text(mute, encoding="utf-8")
    writes = (VARIANTS / "starter-lightning.toml").read_text(encoding="utf-8")
    assert "glyphs = []" in writes
    writer = writes.replace("glyphs = []", 'glyphs = ["en", "zh"]')
    (folder / "writer.toml").write_text(writer, encoding="utf-8")
    given = {"REROLL_VARIANTS": "mute,writer", "REROLL_VARIANTS_FOLDER": str(folder)}
    async with studio.opened(tmp_path_factory.mktemp("product"), given) as started:
        yield started


async def test_one_click_draws_it_with_the_variant_that_can(two: Studio) -> None:
    talk, before = two.conversation(), two.left()
    asked = await talk.say(LETTERED)
    assert asked.outcome is Outcome.WORDS
    (state,) = asked.states[-1:]
    assert state.ephemeral
    assert "cannot write Chinese" in state.text
    assert (two.orders(), two.left()) == ([], before)

    drawn = await talk.say("Draw with writer · price 1")
    assert drawn.outcome is Outcome.PICTURE
    (order,) = two.orders()
    assert (order.variant, order.status, order.images[0].seed) == ("writer", "done", 7)
    assert two.left() == before - 1
    # The question is gone: nothing is left to press twice.
    shown = [reading.words(message) for message in two.seat("Alex").messages()]
    assert shown
    assert not [words for words in shown if "cannot write" in words]


async def test_the_same_prompt_is_drawn_anyway_by_who_was_named(two: Studio) -> None:
    talk = two.conversation("小满")
    asked = await talk.say("/画图 提示词:写着“你好”的牌子 模型:mute 种子:7")
    assert asked.outcome is Outcome.WORDS
    drawn = await talk.say("就这么画 · 1 点")
    assert drawn.outcome is Outcome.PICTURE
    assert two.orders()[-1].variant == "mute"


async def test_what_both_can_do_is_drawn_at_once(two: Studio) -> None:
    drawn = await two.conversation("阿哲").say("/畫圖 提示詞:紅色背景上的貓熊")
    assert drawn.outcome is Outcome.PICTURE
