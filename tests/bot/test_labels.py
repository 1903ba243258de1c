"""/labels: what stays out of a member's files, and copies with and without a visible label."""

import io
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

from bot.services import Services
from engine.labels import tags
from engine.labels.labelling import Labels, Visible
from store.choices import labelling
from store.clock import now_ms
from store.tables.orders import Handout
from tests.bot.messages import presses, text
from tests.bot.stage import Stage, staged


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (96, 96), "navy").save(out, "PNG")
    return out.getvalue()


async def delivered(stage: Stage) -> Any:
    """Order, draw a plain picture and deliver; return the file that the member got."""
    result = await stage.imagine(stage.mei)
    stage.keep(stage.claim(), picture())
    await stage.deliver()
    return await result.response.attachments[0].read()


def is_labelled(content: bytes) -> bool:
    """Tell whether the plain picture has letters in its corner."""
    with Image.open(io.BytesIO(content)) as shown:
        return len(shown.convert("RGB").getcolors() or []) > 1


async def press(member: Any, card: Any, action: str) -> Any:
    return (await member.click(card, custom_id=presses(card)[action])).response


def handouts(stage: Stage) -> list[Handout]:
    with stage.database.begin() as session:
        found = session.query(Handout).order_by(Handout.created_at).all()
        session.expunge_all()
        return found


@pytest.mark.parametrize(
    ("locale", "name", "said"), [("zh-CN", "标识", "提示词"), ("zh-TW", "標示", "提示詞")]
)
async def test_a_member_keeps_their_words_out_of_files(
    stage: Stage, locale: str, name: str, said: str
) -> None:
    assert stage.speaks(stage.mei, locale)("labels.name") == name
    card = (await stage.mei.slash(stage.channel, "labels")).response
    assert card.ephemeral
    assert said in text(card)
    await stage.imagine(stage.mei)
    assert not stage.claim().wordless
    card = await press(stage.mei, card, "wordless")
    await stage.imagine(stage.mei)
    assert stage.claim().wordless
    card = await press(stage.mei, card, "wordful")
    assert "wordless" in presses(card)
    assert "unlabel" not in presses(card)
    await stage.imagine(stage.mei)
    assert not stage.claim().wordless


async def test_every_delivered_file_is_labelled(stage: Stage) -> None:
    content = await delivered(stage)
    order = stage.orders()[0]
    read = tags.read(content).aigc
    assert read
    assert read.produce_id == f"{order.id}-1"
    assert not is_labelled(content)


@pytest.fixture
def labelling_world(world: Services) -> Services:
    return replace(world, labels=Labels(visible=Visible.ON))


async def test_a_member_may_agree_to_copies_without_a_visible_label(
    labelling_world: Services,
) -> None:
    async with staged(labelling_world) as stage:
        stage.speaks(stage.mei, "zh-CN")
        assert is_labelled(await delivered(stage))
        card = (await stage.mei.slash(stage.channel, "labels")).response
        assert handouts(stage) == []
        card = await press(stage.mei, card, "unlabel")
        assert "relabel" in presses(card)
        assert not is_labelled(await delivered(stage))
        logged = handouts(stage)
        assert [one.generation_id for one in logged] == [stage.orders()[1].id]
        assert logged[0].user_id == stage.mei.id
        assert 0 < logged[0].agreed_at <= logged[0].created_at
        await press(stage.mei, card, "relabel")
        assert is_labelled(await delivered(stage))
        assert len(handouts(stage)) == 1


async def test_originals_bear_the_label_too(labelling_world: Services) -> None:
    async with staged(labelling_world) as stage:
        await delivered(stage)
        shown = (await stage.mei.slash(stage.channel, "show", number=stage.orders()[0].id)).response
        sent = await press(stage.mei, shown, "original")
        assert is_labelled(await sent.attachments[0].read())


async def test_a_host_may_allow_no_copy_without_a_label(world: Services) -> None:
    async with staged(replace(world, labels=Labels(visible=Visible.ALWAYS))) as stage:
        with stage.database.begin() as session:
            labelling.set_label_free(session, stage.mei.id, on=True)
        card = (await stage.mei.slash(stage.channel, "labels")).response
        assert not {"unlabel", "relabel"} & set(presses(card))
        assert is_labelled(await delivered(stage))


async def test_the_log_is_emptied_after_half_a_year(stage: Stage) -> None:
    with stage.database.begin() as session:
        for name, days in (("new", 180), ("old", 190)):
            session.add(
                Handout(
                    generation_id=name,
                    guild_id=1,
                    user_id=1,
                    agreed_at=1,
                    created_at=(session.scalar(select(now_ms())) or 0) - days * 86_400_000,
                )
            )
    with stage.database.begin() as session:
        labelling.forget_old(session)
    assert [one.generation_id for one in handouts(stage)] == ["new"]
