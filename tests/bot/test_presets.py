"""/presets and /defaults, and what /imagine makes of them."""

from typing import Any

import discord
import pytest

from engine.variants.catalog import Catalog
from tests.bot.messages import order_id, parts, presses, text
from tests.bot.stage import Stage
from tests.bot.test_editing import drawn

HOSTILE = ["'; DROP TABLE presets; --", "**b** [x](http://y.z) @everyone", "{prompt} {0} %s"]


@pytest.fixture
def catalog() -> Catalog:
    return Catalog.load(["starter", "starter-lightning"])


async def save(stage: Stage, member: Any, name: str, **options: Any) -> Any:
    result = await member.slash(stage.channel, "presets save", name=name, **options)
    return result.response


def manager(stage: Stage) -> Any:
    permissions = discord.Permissions(manage_guild=True)
    role = stage.guild.create_role("managers", permissions=permissions)
    return stage.guild.add_member(stage.env.create_user("boss"), roles=[role])


async def test_a_preset_is_saved_offered_and_used(stage: Stage) -> None:
    said = await save(
        stage, stage.alex, "Ink", style="{prompt}, ink", size="portrait", count=2, steps=3
    )
    assert said.ephemeral
    assert "**Ink** · mine" in said.content
    assert "style: {prompt}, ink" in said.content
    assert "size: Portrait" in said.content
    offered = await stage.alex.autocomplete(stage.channel, "imagine", "preset", "in")
    assert offered == [{"name": "Ink · mine", "value": "Ink"}]
    await stage.imagine(stage.alex, prompt="a cat", preset="INK", count=1)
    (order,) = stage.orders()
    assert order.request["prompt"] == "a cat, ink"
    assert (order.request["width"], order.request["height"]) == (96, 128)
    assert (len(order.request["seeds"]), order.request["steps"]) == (1, 3)


async def test_what_does_not_fit_the_variant_is_said_on_the_card(stage: Stage) -> None:
    await save(stage, stage.alex, "soft", variant="starter", negative="blur", steps=20)
    words = stage.speaks(stage.alex, "zh-CN")
    result = await stage.imagine(
        stage.alex, prompt="猫", preset="soft", variant="starter-lightning"
    )
    named = "、".join([words("imagine.negative"), words("imagine.steps")])
    assert named in text(result.response)
    (order,) = stage.orders()
    assert (order.variant, order.request["negative"]) == ("starter-lightning", "")


async def test_a_preset_of_the_server_is_for_all_and_from_managers(stage: Stage) -> None:
    refused = await save(stage, stage.alex, "ours", size="portrait", whose="server")
    assert "may manage the server" in refused.content
    boss = manager(stage)
    assert "the server's" in (await save(stage, boss, "ours", count=2, whose="server")).content
    await stage.imagine(stage.mei, preset="ours")
    assert len(stage.orders()[0].request["seeds"]) == 2
    result = await stage.alex.slash(stage.channel, "presets delete", name="ours", whose="server")
    assert "may manage the server" in result.response.content
    result = await boss.slash(stage.channel, "presets delete", name="ours", whose="server")
    assert "count: 2" in result.response.content


@pytest.mark.parametrize("name", HOSTILE)
async def test_names_are_shown_as_they_are_and_do_nothing(stage: Stage, name: str) -> None:
    await save(stage, stage.alex, name, size="portrait")
    result = await stage.alex.slash(stage.channel, "presets list")
    shown = text(result.response)
    assert "**b**" not in shown
    assert "](http" not in shown
    (offered,) = await stage.alex.autocomplete(stage.channel, "imagine", "preset", name[:4])
    await stage.imagine(stage.alex, preset=offered["value"])
    assert stage.orders()[0].request["width"] == 96
    await stage.alex.slash(stage.channel, "presets delete", name=offered["value"])
    result = await stage.alex.slash(stage.channel, "presets list")
    assert "No presets yet" in text(result.response)


async def test_an_unknown_preset_an_empty_one_and_a_bad_size_are_refused(stage: Stage) -> None:
    result = await stage.imagine(stage.alex, preset="nope*")
    assert "no preset “nope\\*”" in result.response.content
    assert stage.orders() == []
    assert "nothing in this preset" in (await save(stage, stage.alex, "x")).content
    assert "is not a size" in (await save(stage, stage.alex, "x", size="huge")).content
    assert "can be seen" in (await save(stage, stage.alex, "\u200b", count=1)).content


async def test_a_style_that_makes_the_prompt_too_long_says_so(stage: Stage) -> None:
    await save(stage, stage.alex, "long", style="word " * 99)
    result = await stage.imagine(stage.alex, preset="long")
    assert "reads up to 400" in result.response.content


async def test_many_presets_are_pages(stage: Stage) -> None:
    for number in range(12):
        await save(stage, stage.alex, f"preset {number:02}", count=1)
    shown = await stage.alex.slash(stage.channel, "presets list")
    assert "preset 09" in text(shown.response)
    assert "preset 10" not in text(shown.response)
    await stage.alex.click(shown.response, custom_id="presets:1")
    assert "preset 11" in text(shown.response)
    assert "preset 09" not in text(shown.response)


async def test_long_presets_come_on_more_pages(stage: Stage) -> None:
    kept = {"style": "{prompt}, (soft light:1.2), " * 9, "negative": "blurry, low-quality, " * 9}
    kept |= {"lora": "ink-wash:0.8, " * 9, "variant": "starter", "size": "portrait", "count": 3}
    numbers = {"steps": 9, "guidance": 2.5, "spoiler": True}
    for number in range(10):
        await save(stage, stage.alex, f"[a_long-name] of my own *{number}*", **kept, **numbers)
    shown = await stage.alex.slash(stage.channel, "presets list")
    pages = [text(shown.response)]
    while f"presets:{len(pages)}" in presses_of(shown.response):
        await stage.alex.click(shown.response, custom_id=f"presets:{len(pages)}")
        pages.append(text(shown.response))
    for number in range(10):
        assert sum(f"\\*{number}\\*" in page for page in pages) == 1


def presses_of(message: Any) -> list[str]:
    return [part["custom_id"] for part in parts(message.components) if "custom_id" in part]


async def test_defaults_are_used_shown_and_forgotten(stage: Stage) -> None:
    words = stage.speaks(stage.alex, "zh-TW")
    shown = await stage.alex.slash(stage.channel, "defaults")
    assert text(shown.response) == words("defaults.none")
    shown = await stage.alex.slash(
        stage.channel, "defaults", size="portrait", count=2, spoiler=True, negative="模糊"
    )
    assert shown.response.ephemeral
    assert "直式" in text(shown.response)
    await stage.imagine(stage.alex)
    await stage.imagine(stage.mei)
    mine, theirs = stage.orders()
    assert (mine.request["width"], len(mine.request["seeds"])) == (96, 2)
    assert (mine.request["negative"], mine.spoiler) == ("模糊", True)
    assert (theirs.request["negative"], bool(theirs.spoiler)) == ("", False)
    await stage.alex.click(shown.response, custom_id="forget:size")
    assert "直式" not in text(shown.response)
    await stage.alex.click(shown.response, custom_id="forget:all")
    assert text(shown.response) == words("defaults.none")
    await stage.imagine(stage.alex)
    assert stage.orders()[-1].request["width"] == 128


async def test_defaults_outlive_a_restart(stage: Stage) -> None:
    await stage.alex.slash(stage.channel, "defaults", variant="starter-lightning", count=3)
    await stage.restart()
    await stage.imagine(stage.alex)
    (order,) = stage.orders()
    assert (order.variant, len(order.request["seeds"])) == ("starter-lightning", 3)


async def test_a_preset_counts_more_than_defaults(stage: Stage) -> None:
    await stage.alex.slash(stage.channel, "defaults", size="portrait", count=3)
    await save(stage, stage.alex, "one", count=1)
    await stage.imagine(stage.alex, preset="one")
    (order,) = stage.orders()
    assert (order.request["width"], len(order.request["seeds"])) == (96, 1)


async def test_a_default_of_a_variant_that_is_gone_is_passed_over(stage: Stage) -> None:
    await stage.services.habits.change(
        stage.database, stage.alex.id, {"variant": "of-the-past", "count": 2}
    )
    await stage.imagine(stage.alex)
    (order,) = stage.orders()
    assert (order.variant, len(order.request["seeds"])) == ("starter", 2)
    shown = await stage.alex.slash(stage.channel, "defaults")
    assert "of\\-the\\-past" in text(shown.response)


async def test_a_spoiler_hides_the_picture_and_stays_with_what_comes_of_it(stage: Stage) -> None:
    first = await stage.drawn(stage.alex, spoiler=True)
    again = await stage.mei.click(first.response, custom_id=presses(first.response)["new"])
    stage.draw()
    await stage.deliver()
    for message in (first.response, again.response):
        items = [one for part in parts(message.components) for one in part.get("items", [])]
        assert [item["spoiler"] for item in items] == [True]
    assert order_id(first.response) != order_id(again.response)


async def test_a_preset_serves_what_starts_from_a_picture_too(stage: Stage) -> None:
    kept = {"style": "watercolour", "size": "portrait", "steps": 4, "spoiler": True}
    await save(stage, stage.alex, "Soft", **kept)
    await drawn(stage, stage.alex, prompt="a panda", steps=6)
    number = stage.orders()[0].id
    edited = {"from": number, "prompt": "a fox", "preset": "soft"}
    await stage.alex.slash(stage.channel, "edit", **edited)
    order = stage.orders()[-1]
    assert order.request["prompt"] == "a fox, watercolour"
    assert (order.request["steps"], order.spoiler) == (4, True)
    assert order.request["width"] == order.request["height"]
    near = {"from": number, "count": 1}
    await stage.alex.slash(stage.channel, "variations", **near, preset="soft")
    order = stage.orders()[-1]
    assert order.request["prompt"] == "a panda, watercolour"
    assert order.request["steps"] == 4
    await stage.alex.slash(stage.channel, "variations", **near)
    assert stage.orders()[-1].request["steps"] == 6
    told = await stage.alex.slash(
        stage.channel, "edit", **{"from": number, "prompt": "a fox", "preset": "nobody's"}
    )
    assert "nobody's" in told.followups[0].content
