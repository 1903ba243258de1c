"""One command, several prompts: priced before, placed together or not at all, each an order."""

from dataclasses import replace
from typing import Any

import pytest

from bot.services import Services
from engine.variants.catalog import Catalog
from store.choices.servers import Defaults
from store.money.plans import Plan, Plans
from tests.bot import loras
from tests.bot.messages import gallery, presses, text
from tests.bot.stage import Stage, staged


async def test_all_are_shown_with_their_price_and_one_press_orders_them(stage: Stage) -> None:
    asked = await stage.imagine(
        stage.alex, prompt="a {red|blue|green} cat --no hats", count=2, seed="7", size="portrait"
    )
    assert asked.response.ephemeral
    said = text(asked.response)
    assert "stands for 3 orders" in said
    assert "**6** credits for 6 pictures" in said
    assert "> a blue cat" in said
    each = "Each: **Starter** · 96×128 · 2 pictures · seed `7` · Steps: 8 · Guidance: 3 · 2 credits"
    assert [each, "Without: hats"] == said.splitlines()[4:6]
    assert stage.orders() == []
    assert stage.left(stage.alex) == 10
    await stage.alex.click(asked.response, custom_id=presses(asked.response)["all"])
    orders = stage.orders()
    prompts = {"a red cat", "a blue cat", "a green cat"}
    assert {order.request["prompt"] for order in orders} == prompts
    assert {tuple(order.request["seeds"]) for order in orders} == {(7, 8)}
    assert len({order.message_id for order in orders}) == 3
    assert stage.left(stage.alex) == 4
    stage.draw()
    await stage.deliver()
    shown = {one.id: text(one) for one in stage.channel.history()}
    assert len(shown) == 3
    for order in orders:
        assert f"> {order.request['prompt']}" in shown[order.message_id]


async def test_the_longest_question_is_one_that_discord_takes(
    world: Services, catalog: Catalog
) -> None:
    roomy = Catalog([replace(catalog.default, prompt_limit=4000)])
    reader = replace(world.reader, catalog=roomy)
    async with staged(replace(world, catalog=roomy, reader=reader)) as stage:
        for name in ("ink", "wash", "soft", "old"):
            loras.add(stage, stage.alex, name, triggers=f"{name} (soft-light:1.2)" + ", [x]" * 40)
        ways = "|".join(f"{nth} *" + " in_a_park" * 25 for nth in range(10))
        unread = " ".join(f"--wish-{nth} {'for_more' * 4}" for nth in range(25))
        asked = await stage.imagine(
            stage.alex,
            prompt=f"{{{ways}}} {unread}",
            lora="ink, wash, soft, old",
            negative="*" * 900,
        )
        assert "all" in presses(asked.response)
        assert "**10** credits for 10 pictures" in text(asked.response)


async def test_a_reroll_draws_its_prompt_and_expands_nothing(stage: Stage) -> None:
    result = await stage.drawn(stage.alex, prompt=r"a \{red|blue\} cat")
    (order,) = stage.orders()
    assert order.request["prompt"] == "a {red|blue} cat"
    await stage.alex.click(result.response, custom_id=presses(result.response)["new"])
    assert [one.request["prompt"] for one in stage.orders()] == ["a {red|blue} cat"] * 2


async def test_what_is_not_covered_places_none(stage: Stage) -> None:
    asked = await stage.imagine(stage.alex, prompt="{a|b|c} cat", count=4)
    pressed = await stage.alex.click(asked.response, custom_id=presses(asked.response)["all"])
    assert "This costs 4 credits and you have 2" in pressed.followups[-1].content
    assert stage.orders() == []
    assert stage.left(stage.alex) == 10
    assert stage.channel.history() == []


@pytest.mark.parametrize("locale", ["en-US", "zh-CN", "zh-TW"])
async def test_no_more_than_may_be_open_at_once(world: Services, locale: str) -> None:
    plans = Plans((Plan(daily_credits=10, concurrent=2),))
    async with staged(replace(world, defaults=Defaults(plans))) as stage:
        words = stage.speaks(stage.alex, locale)
        told = await stage.imagine(stage.alex, prompt="{a|b|c} cat")
        assert told.response.content == words("errors.combinations_too_many", limit=2)
        asked = await stage.imagine(stage.alex, prompt="{a|b} cat")
        assert words("several.title", count=2) in text(asked.response)


async def test_a_list_gives_one_order_whose_prompt_says_what_was_picked(stage: Stage) -> None:
    result = await stage.drawn(stage.alex, prompt="a __colour__ cat", seed="3")
    again = await stage.drawn(stage.alex, prompt="a __colour__ cat", seed="3")
    first, second = (order.request["prompt"] for order in stage.orders())
    assert first == second
    assert "__" not in first
    assert f"> {first}" in text(result.response)
    assert gallery(again.response)


async def test_a_name_without_a_list_is_remarked_on(stage: Stage) -> None:
    result = await stage.imagine(stage.alex, prompt="a __vehicle__")
    assert "There is no list “vehicle”" in text(result.response)


class SecondFails(dict[str, Any]):
    """A fault of simcord that lets the press and the first message pass."""

    asked = 0

    def __getitem__(self, name: str) -> Any:
        if name == "path":
            self.asked += 1
            return "/webhooks/*" if self.asked == 3 else ""
        return super().__getitem__(name)


async def test_where_one_message_fails_none_is_left(stage: Stage) -> None:
    asked = await stage.imagine(stage.alex, prompt="{a|b|c|d} cat")
    fault = {"method": "POST", "status": 400, "code": 40094, "message": "Too many", "times": 1}
    stage.env.backend.faults.append(SecondFails(fault))
    pressed = await stage.alex.click(asked.response, custom_id=presses(asked.response)["all"])
    assert pressed.followups[-1].ephemeral
    assert stage.channel.history(viewer=stage.mei) == []
    assert stage.orders() == []
