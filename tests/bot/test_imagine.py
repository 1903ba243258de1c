"""/imagine from the typed command to the waiting card."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis

from bot.services import Services
from bot.wishes.options import Reader
from engine.variants.catalog import Catalog
from store.database import Database
from store.host import workers
from tests.bot.messages import gallery, order_id, presses, text
from tests.bot.stage import Stage, staged
from worker.events import redis_url
from worker.queue import Tickets, queue_name


async def test_an_order_waits_then_shows_its_pictures_in_one_message(stage: Stage) -> None:
    result = await stage.imagine(stage.alex, prompt="a panda", count=2, seed="7")
    waiting = text(result.response)
    assert "You are next" in waiting
    assert "> a panda" in waiting
    assert "Price 2 · credits left 8" in waiting
    assert set(presses(result.response)) == {"cancel"}
    generation_id = order_id(result.response)

    stage.draw()
    await stage.deliver()
    names = [f"reroll-{generation_id}-1.png", f"reroll-{generation_id}-2.png"]
    assert gallery(result.response) == names
    assert [one.filename for one in result.response.attachments] == names
    assert set(presses(result.response)) == {
        *("new", "again", "remix", "delete", "pick"),
        *("vary", "edit", "upscale"),
    }
    assert "seed `7` `8`" in text(result.response)
    assert "credits left 8" in text(result.response)
    assert f"<@{stage.alex.id}>" in text(result.response)
    assert len(stage.channel.history()) == 1


async def test_the_order_holds_all_that_a_late_delivery_needs(stage: Stage) -> None:
    stage.speaks(stage.alex, "zh-CN")
    result = await stage.imagine(stage.alex, prompt="红色背景上的 red panda", size="96×128")
    (order,) = stage.orders()
    assert order.message_id == result.response.id
    assert order.channel_id == stage.channel.id
    assert order.locale == "zh-CN"
    assert order.upload_limit == stage.upload_limit
    assert order.request["prompt"] == "红色背景上的 red panda"
    assert (order.request["width"], order.request["height"]) == (96, 128)


async def test_the_place_in_line_is_the_one_in_the_fair_order(stage: Stage) -> None:
    await stage.imagine(stage.mei, count=3)
    result = await stage.imagine(stage.alex)
    assert "No. 2 in line" in text(result.response)  # members take turns


BOUNDS = {"least": 96, "most": 128, "multiple": 16, "pixels": 16384}
BAD = [
    ({"seed": "lucky"}, "seed_invalid", {"value": "lucky", "limit": 2**32 - 1}),
    ({"seed": "-1"}, "seed_invalid", {"value": "\\-1", "limit": 2**32 - 1}),
    ({"seed": "4294967296"}, "seed_invalid", {"value": "4294967296", "limit": 2**32 - 1}),
    ({"size": "enormous"}, "size_unreadable", {"value": "enormous"}),
    ({"size": "192x192"}, "size_outside", BOUNDS | {"typed": "192×192"}),
    ({"size": "3x3"}, "size_outside", BOUNDS | {"typed": "3×3"}),
    ({"size": "21:9"}, "size_outside", BOUNDS | {"typed": "21\\:9"}),
    ({"prompt": "\u200b\u3164 \u2800"}, "prompt_empty", {}),
]


@pytest.mark.parametrize("locale", ["en-US", "zh-CN", "zh-TW", "de"])
@pytest.mark.parametrize(("options", "code", "params"), BAD)
async def test_wrong_input_is_explained_to_the_member_alone_and_costs_nothing(
    stage: Stage, locale: str, options: dict[str, Any], code: str, params: dict[str, Any]
) -> None:
    words = stage.speaks(stage.alex, locale)
    result = await stage.imagine(stage.alex, **options)
    said = words.texts[f"errors.{code}"]
    head = said.split("{choices}")[0].format(**params)
    assert result.response.ephemeral
    assert result.response.content.startswith(head)
    assert stage.orders() == []
    assert stage.left(stage.alex) == 10
    assert stage.channel.history() == []


async def test_credits_spent_is_said_to_the_member_alone(stage: Stage) -> None:
    await stage.imagine(stage.alex, count=4)
    await stage.imagine(stage.alex, count=4)
    result = await stage.imagine(stage.alex, count=4)
    (told,) = result.followups
    assert told.ephemeral
    assert told.content.startswith("This costs 4 credits and you have 2.")
    assert "<t:" in told.content
    assert result.response is None or result.response.id == told.id
    assert len(stage.orders()) == 2
    assert len(stage.channel.history()) == 2


async def test_without_a_worker_nothing_is_charged(stage: Stage) -> None:
    with stage.database.begin() as session:
        workers.leave(session, "w", stage.services.catalog.names)
    result = await stage.imagine(stage.alex)
    assert "No machine is drawing" in result.followups[0].content
    assert stage.orders() == []
    assert stage.left(stage.alex) == 10


async def test_with_the_broker_away_the_order_stays_and_says_so(world: Services) -> None:
    tickets = Tickets("redis://127.0.0.1:1/0")
    async with staged(replace(world, tickets=tickets)) as stage:
        result = await stage.imagine(stage.alex)
        assert "will start by itself" in text(result.response)
        assert set(presses(result.response)) == {"cancel"}
        stage.draw()
        await stage.deliver()
        assert gallery(result.response)
    tickets.close()


async def test_with_the_database_away_the_member_is_told_that_nothing_was_charged(
    world: Services, tmp_path: Path, logged: list[Any]
) -> None:
    async with staged(world) as stage:
        broken = Database(f"sqlite:///{tmp_path}/missing/reroll.db")
        world.database.close()
        object.__setattr__(world, "database", broken)
        result = await stage.imagine(stage.alex)
        assert result.followups[0].content.startswith("Our records cannot be reached")
        assert stage.channel.history() == []
        broken.close()
    assert not [line for line in logged if line["log_level"] == "error"]


async def test_an_answer_that_comes_too_late_places_no_order(
    stage: Stage, logged: list[Any]
) -> None:
    stage.env.inject_error("POST", "/interactions/*", status=404, code=10062)
    await stage.imagine(stage.alex)
    assert stage.orders() == []
    assert [line["event"] for line in logged] == ["interaction answered too late"]


HOSTILE = [
    "@everyone <@1> <#2> <@&3> </imagine:4> <t:0:R>",
    "# head\n> quote\n- list\n1. one\n```py\nprint()\n```",
    "`code` **bold** __under__ ~~gone~~ ||hidden|| [link](https://example.org)",
    "\u202egnirts desrever\u202c",
    "\u200b\u200bzero\u200dwidth",
    "👩‍👩‍👧‍👦" * 30,
    "\\" * 390,
    "{price} {0} %s",
]


@pytest.mark.parametrize("prompt", HOSTILE)
async def test_hostile_prompts_arrive_whole_and_show_as_plain_text(
    stage: Stage, prompt: str
) -> None:
    result = await stage.drawn(stage.alex, prompt=prompt)
    (order,) = stage.orders()
    assert order.request["prompt"] == prompt
    assert gallery(result.response)
    shown = text(result.response)
    quoted = next(line for line in shown.splitlines() if line.startswith("> "))
    assert not {"\u202e", "\u202c"} & set(quoted)
    message = stage.channel.history()[0]
    assert not message.mention_everyone
    assert {user.id for user in message.mentions} <= {stage.alex.id}


async def test_a_prompt_of_four_thousand_characters_fits_the_card(
    world: Services, catalog: Catalog
) -> None:
    roomy = Catalog([replace(catalog.default, prompt_limit=4000)])
    reader = Reader(roomy, world.reader.size_words)
    async with staged(replace(world, catalog=roomy, reader=reader)) as stage:
        for prompt in ("*" * 4000, "@everyone " * 400, "猫" * 4000):
            result = await stage.drawn(stage.alex, prompt=prompt)
            assert len(text(result.response)) < 4000
            assert stage.orders()[-1].request["prompt"] == prompt.strip()


async def test_sizes_are_offered_in_the_members_language(stage: Stage) -> None:
    stage.speaks(stage.mei, "zh-CN")
    offered = await stage.mei.autocomplete(stage.channel, "imagine", "size", "")
    assert [one["name"] for one in offered] == ["方图 · 128×128", "竖图 · 96×128", "横图 · 128×96"]
    typed = await stage.mei.autocomplete(stage.channel, "imagine", "size", "横")
    assert [one["value"] for one in typed] == ["landscape"]
    free = await stage.mei.autocomplete(stage.channel, "imagine", "size", "100x100")
    assert free[0] == {"name": "100x100 → 96×96", "value": "100x100"}
    assert [one["value"] for one in free[1:]] == ["square", "portrait", "landscape"]


async def test_each_picture_sends_a_ticket(stage: Stage, broker_url: str) -> None:
    client = redis.Redis.from_url(redis_url(broker_url))
    before = client.llen(queue_name("starter"))
    await stage.imagine(stage.alex, count=3)
    assert client.llen(queue_name("starter")) == before + 3
    client.close()
