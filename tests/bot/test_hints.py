"""Who asks for what a variant never learnt is told so kindly, once, and gets the picture anyway."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from bot.delivery import hints
from engine.errors import EngineFailed
from engine.request import LoraUse
from engine.variants.catalog import Catalog
from store.database import Database
from store.orders import generations, searches
from store.tables.orders import Generation
from tests.bot.messages import gallery, presses, text
from tests.bot.stage import Stage
from tests.store.placing import place, request

STRANGE = "a sewing machine on a blue background"
STRANGER = "a submarine"


@pytest.fixture
def catalog(request: pytest.FixtureRequest) -> Catalog:
    return Catalog.load(getattr(request, "param", ["starter"]))


def hinted(message: Any) -> list[str]:
    """Return the lines of a card in small print that speak of what can be drawn."""
    words = ("may be new to", "好像没学过", "好像還沒學過")
    return [
        line
        for line in text(message).splitlines()
        if line.startswith("-# ") and any(word in line for word in words)
    ]


@pytest.mark.parametrize(
    ("locale", "prompt", "parts"),
    [
        ("en-US", STRANGE, ["“Starter”", "panda, rocket and bubble tea,", "A host with a GPU"]),
        ("zh-CN", "一台缝纫机", ["“入门小模型”", "熊猫、火箭和奶茶", "站长"]),
        ("zh-TW", "一臺縫紉機", ["「入門小模型」", "熊貓、火箭和珍珠奶茶", "站長"]),
        ("ja", STRANGE, ["“Starter”", "panda, rocket and bubble tea,"]),
    ],
)
async def test_the_first_such_picture_says_what_the_variant_knows(
    stage: Stage, locale: str, prompt: str, parts: list[str]
) -> None:
    stage.speaks(stage.alex, locale)
    shown = (await stage.drawn(stage.alex, prompt=prompt)).response
    assert gallery(shown)
    (line,) = hinted(shown)
    assert all(part in line for part in parts)
    vocabulary = stage.services.catalog.default.vocabulary
    assert vocabulary
    assert f" {len(vocabulary)} " in line


@pytest.mark.parametrize("catalog", [["starter", "qwen-image"]], indirect=True)
@pytest.mark.parametrize(
    ("locale", "named"),
    [
        ("en-US", "try the variant “Qwen\\-Image · slow and careful”"),
        ("zh-CN", "把模型换成“Qwen\\-Image · 慢工出细活”"),
        ("zh-TW", "把模型換成「Qwen\\-Image · 慢工出細活」"),
    ],
)
async def test_where_a_variant_knows_more_it_is_named(
    stage: Stage, locale: str, named: str
) -> None:
    stage.speaks(stage.alex, locale)
    (line,) = hinted((await stage.drawn(stage.alex, prompt=STRANGE)).response)
    assert named in line


@pytest.mark.parametrize("catalog", [["qwen-image-lightning-4", "starter"]], indirect=True)
async def test_a_variant_that_knows_everything_never_says_so(stage: Stage) -> None:
    shown = (await stage.drawn(stage.alex, prompt=STRANGE)).response
    assert gallery(shown)
    assert not hinted(shown)


async def test_it_is_said_once_whatever_is_asked_next(stage: Stage) -> None:
    first = (await stage.drawn(stage.alex, prompt=STRANGE)).response
    assert hinted(first)
    for action in ("again", "new"):
        pressed = await stage.alex.click(first, custom_id=presses(first)[action])
        stage.draw()
        await stage.deliver()
        assert gallery(pressed.response)
        assert not hinted(pressed.response)
    assert not hinted((await stage.drawn(stage.alex, prompt="a panda")).response)
    assert not hinted((await stage.drawn(stage.alex, prompt=STRANGER)).response)


async def test_each_member_hears_it_for_themselves(stage: Stage) -> None:
    assert hinted((await stage.drawn(stage.alex, prompt=STRANGE)).response)
    assert hinted((await stage.drawn(stage.mei, prompt=STRANGE)).response)


async def test_words_around_a_known_thing_may_be_what_is_new(stage: Stage) -> None:
    assert hinted((await stage.drawn(stage.alex, prompt="a panda riding a bicycle")).response)
    assert hinted((await stage.drawn(stage.mei, prompt="一只戴帽子的熊猫在海边")).response)


async def test_a_known_thing_or_a_mere_colour_brings_no_remark(stage: Stage) -> None:
    for prompt in ("a panda", "红色背景", "two rockets", "画一只可爱的小猫"):
        assert not hinted((await stage.drawn(stage.alex, prompt=prompt)).response)
    assert hinted((await stage.drawn(stage.alex, prompt=STRANGE)).response)


async def test_of_pictures_that_come_together_one_says_it(stage: Stage) -> None:
    asked = [await stage.imagine(stage.alex, prompt=f"submarine {n}") for n in range(5)]
    stage.draw()
    await stage.deliver()
    shown = [result.response for result in asked]
    assert all(gallery(message) for message in shown)
    assert sum(len(hinted(message)) for message in shown) == 1


async def test_an_order_without_a_picture_neither_says_it_nor_uses_it_up(stage: Stage) -> None:
    failed = await stage.imagine(stage.alex, prompt=STRANGE)
    stage.fail(stage.claim(), EngineFailed())
    await stage.deliver()
    assert not hinted(failed.response)
    assert hinted((await stage.drawn(stage.alex, prompt=STRANGER)).response)


async def test_a_delivery_that_is_tried_again_still_says_it(stage: Stage) -> None:
    result = await stage.imagine(stage.alex, prompt=STRANGE)
    stage.draw()
    stage.env.inject_error("PATCH", "/webhooks/*", status=500, times=None)
    await stage.deliver()
    assert not gallery(result.response)
    stage.env.backend.faults.clear()
    with stage.database.begin() as session:
        session.query(Generation).update({"next_delivery_at": 0})
    await stage.deliver()
    assert hinted(result.response)


async def test_after_many_known_things_it_may_be_said_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hints, "LOOKS_BACK", 2)
    assert hinted((await stage.drawn(stage.alex, prompt=STRANGE)).response)
    for _ in range(2):
        await stage.drawn(stage.alex)
    assert hinted((await stage.drawn(stage.alex, prompt=STRANGER)).response)


async def test_a_hint_that_fails_is_logged_and_the_picture_comes(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, logged: list[Any]
) -> None:
    def broken(*_: Any, **__: Any) -> list[str]:
        raise RuntimeError("out of order")

    monkeypatch.setattr(searches, "prompts_before", broken)
    shown = (await stage.drawn(stage.alex, prompt=STRANGE)).response
    assert gallery(shown)
    assert not hinted(shown)
    assert stage.orders()[0].delivery_attempts == 0
    (line,) = [line for line in logged if line["event"] == "hint left out"]
    assert "out of order" in line["error"]
    assert STRANGE not in repr(line)


def test_with_a_lora_nothing_is_said_of_words_that_it_may_know(
    database: Database, catalog: Catalog
) -> None:
    strange = replace(request(), prompt=STRANGE)
    worn = replace(strange, loras=(LoraUse("a" * 64, weight=1.0),))
    with database.begin() as session:
        for asked, told in ((worn, False), (strange, True)):
            order = generations.get(session, place(session, request=asked))
            order.status = "done"
            assert bool(hints.find(session, order, catalog)) is told


def test_a_question_that_the_database_refuses_spoils_nothing_beside_it(
    database: Database, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(session: Session, *_: Any, **__: Any) -> list[str]:
        return list(session.scalars(sql("SELECT prompt FROM nowhere")))

    monkeypatch.setattr(searches, "prompts_before", refused)
    with database.begin() as session:
        placed = place(session, request=replace(request(), prompt=STRANGE))
        order = generations.get(session, placed)
        order.status = "done"
        assert hints.find(session, order, catalog) is None
        order.delivery_attempts = 3
    with database.begin() as session:
        assert generations.get(session, placed).delivery_attempts == 3
