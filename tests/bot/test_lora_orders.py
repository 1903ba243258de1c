"""/imagine with LoRAs: found, held against the variant and the member's rights, kept and shown."""

from typing import Any

import pytest

from engine.variants.catalog import Catalog
from tests.bot import loras
from tests.bot.messages import order_id, png, presses, text
from tests.bot.stage import Stage


@pytest.fixture
def catalog() -> Catalog:
    return Catalog.load(["starter", "starter-lightning", "flux1-schnell"])


def uses(stage: Stage, nth: int = -1) -> list[tuple[str, float]]:
    request = stage.orders()[nth].request
    return [(one["sha256"], one["weight"]) for one in request.get("loras", [])]


async def test_loras_are_worn_with_weights_and_triggers_and_shown(stage: Stage) -> None:
    loras.add(stage, stage.alex, "Ink", triggers="ink wash", weight=0.9, sha256="a" * 64)
    loras.add(stage, stage.alex, "熊猫", sha256="b" * 64)
    result = await stage.drawn(stage.alex, prompt="a cat", lora="ink，熊猫：0.5")
    assert uses(stage) == [("a" * 64, 0.9), ("b" * 64, 0.5)]
    assert stage.orders()[0].request["prompt"] == "a cat, ink wash"
    shown = text(result.response)
    assert "Ink\\:0.9, 熊猫\\:0.5" in shown
    assert "Trigger words added: ink wash" in shown
    recipe = await stage.alex.slash(stage.channel, "show", number=order_id(result.response))
    pressed = await stage.alex.click(recipe.response, custom_id=presses(recipe.response)["recipe"])
    assert "Ink:0.9 (aaaaaaaaaaaa), 熊猫:0.5 (bbbbbbbbbbbb)" in text(pressed.response)


async def test_triggers_that_are_there_are_not_added_again(stage: Stage) -> None:
    loras.add(stage, stage.alex, "ink", triggers="ink wash")
    await stage.imagine(stage.alex, prompt="An INK WASH cat", lora="ink")
    assert stage.orders()[0].request["prompt"] == "An INK WASH cat"


async def drawn_large(stage: Stage, lora: str) -> Any:
    """Draw for Alex what is large enough to go on from."""
    first = await stage.imagine(stage.alex, lora=lora)
    stage.keep(stage.claim(), png(1, (128, 128)))
    await stage.deliver()
    return first


async def test_again_new_and_vary_keep_them(stage: Stage) -> None:
    loras.add(stage, stage.alex, "ink", sha256="a" * 64)
    first = await drawn_large(stage, "ink:0.8")
    for nth, action in enumerate(("again", "new", "vary"), start=2):
        await stage.alex.click(first.response, custom_id=presses(first.response)[action])
        assert len(stage.orders()) == nth
        assert uses(stage) == [("a" * 64, 0.8)]
        assert stage.orders()[-1].remarks == {"loras": {"named": "ink:0.8"}}


async def test_remix_shows_them_and_takes_others(stage: Stage) -> None:
    loras.add(stage, stage.alex, "ink", sha256="a" * 64)
    loras.add(stage, stage.alex, "panda", sha256="b" * 64, triggers="bamboo")
    first = await stage.drawn(stage.alex, lora="ink:0.8")
    remix = presses(first.response)["remix"]
    for typed, asked in (
        (None, [("a" * 64, 0.8)]),
        ("panda:1.5", [("b" * 64, 1.5)]),
        ("", []),
    ):
        form = await stage.alex.click(first.response, custom_id=remix)
        fields = {"prompt": "a fox", "size": "", "seed": ""}
        fields |= {"lora": "ink:0.8" if typed is None else typed}
        await stage.alex.submit_modal(form, fields)
        assert uses(stage) == asked
    assert stage.orders()[2].request["prompt"] == "a fox, bamboo"


async def test_a_removed_one_is_told_before_charging(stage: Stage) -> None:
    lora_id = loras.add(stage, stage.alex, "ink")
    first = await stage.drawn(stage.alex, lora="ink")
    left = stage.left(stage.alex)
    loras.remove(stage, lora_id)
    again = await stage.alex.click(first.response, custom_id=presses(first.response)["again"])
    assert "“ink” has been removed" in again.followups[-1].content
    assert (len(stage.orders()), stage.left(stage.alex)) == (1, left)


async def test_what_is_not_shared_is_not_drawn_with_by_others(stage: Stage) -> None:
    lora_id = loras.add(stage, stage.alex, "ink", sha256="a" * 64)
    refused = await stage.imagine(stage.mei, lora="ink")
    assert "no LoRA named “ink”" in refused.response.content
    first = await drawn_large(stage, "ink")
    again = await stage.mei.click(first.response, custom_id=presses(first.response)["new"])
    assert "not shared with you" in again.followups[-1].content
    await stage.mei.click(first.response, custom_id=presses(first.response)["vary"])
    assert (uses(stage), stage.orders()[-1].remarks) == ([], {"loras_left_out": {}})
    loras.share(stage, lora_id)
    await stage.mei.click(first.response, custom_id=presses(first.response)["new"])
    await stage.imagine(stage.mei, lora="INK:0.5")
    assert uses(stage) == [("a" * 64, 0.5)]
    assert len(stage.orders()) == 4


async def test_a_role_is_asked_for_at_each_use(stage: Stage) -> None:
    role = stage.guild.create_role("artists")
    artist = stage.guild.add_member(stage.env.create_user("lin"), roles=[role])
    loras.share(stage, loras.add(stage, stage.alex, "ink"), role.id)
    assert "no LoRA named" in (await stage.imagine(stage.mei, lora="ink")).response.content
    await stage.imagine(artist, lora="ink")
    assert len(stage.orders()) == 1


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("nope", "no LoRA named “nope”"),
        ("ink:3", "“3” is not a LoRA weight"),
        ("ink:nan", "not a LoRA weight"),
        ("ink, INK:0.5", "named twice"),
        ("'; DROP TABLE loras --", "no LoRA named"),
        ("**b** @everyone", "no LoRA named “\\*\\*b\\*\\* \\@everyone”"),
        ("a, b, c, d, ink", "no LoRA named “a”"),
        ("fluxy", "was made for FLUX.1"),
        ("new", "is not ready yet"),
    ],
)
async def test_what_cannot_be_worn_is_said_and_costs_nothing(
    stage: Stage, typed: str, said: str
) -> None:
    loras.add(stage, stage.alex, "ink")
    loras.add(stage, stage.alex, "fluxy", "flux1")
    with stage.database.begin() as session:
        from store.loras import library
        from store.loras.library import New

        library.create(session, New(owner_id=stage.alex.id, name="new", source="url"), loras.ROOM)
    result = await stage.imagine(stage.alex, lora=typed)
    assert said in result.response.content
    assert (stage.orders(), stage.left(stage.alex)) == ([], 10)


async def test_a_lora_of_another_family_names_the_variants_that_fit(stage: Stage) -> None:
    loras.add(stage, stage.alex, "ink")
    words = stage.speaks(stage.alex, "zh-CN")
    result = await stage.imagine(stage.alex, lora="ink", variant="flux1-schnell")
    assert words.name("variants.starter-lightning", "") in result.response.content


async def test_more_than_a_picture_takes(stage: Stage) -> None:
    for number in range(5):
        loras.add(stage, stage.alex, f"l{number}")
    result = await stage.imagine(stage.alex, lora="l0, l1, l2, l3, l4")
    assert "You asked for 5 LoRAs" in result.response.content


async def test_each_of_several_prompts_wears_them(stage: Stage) -> None:
    loras.add(stage, stage.alex, "ink", sha256="a" * 64)
    asked = await stage.imagine(stage.alex, prompt="{red|blue} cat", lora="ink:0.5")
    await stage.alex.click(asked.response, custom_id=presses(asked.response)["all"])
    assert [uses(stage, nth) for nth in (0, 1)] == [[("a" * 64, 0.5)]] * 2
    assert stage.orders()[0].remarks == {"loras": {"named": "ink:0.5"}}


async def test_commands_that_start_from_a_picture_take_them_too(stage: Stage) -> None:
    loras.add(stage, stage.alex, "ink", sha256="a" * 64, triggers="wash")
    start = ("a.png", png(1, (128, 128)))
    for command, options in (("edit", {"prompt": "a fox"}), ("variations", {"count": 1})):
        await stage.alex.slash(stage.channel, command, image=start, lora="ink:0.7", **options)
        assert uses(stage) == [("a" * 64, 0.7)]
        assert stage.orders()[-1].request["prompt"].endswith(", wash")
    refused = await stage.alex.slash(stage.channel, "edit", image=start, prompt="x", lora="ink:9")
    assert "is not a LoRA weight" in refused.followups[-1].content


async def offered(stage: Stage, member: Any, typed: str, **others: str) -> list[str]:
    found = await member.autocomplete(stage.channel, "imagine", "lora", typed, **others)
    return [one["value"] for one in found]


async def test_suggestions_complete_the_last_of_the_list(stage: Stage) -> None:
    for number in range(30):
        loras.add(stage, stage.alex, f"style {number:02}")
    loras.add(stage, stage.alex, "ink", weight=0.8)
    loras.add(stage, stage.alex, "fluxy", "flux1")
    loras.share(stage, loras.add(stage, stage.mei, "zebra"))
    loras.add(stage, stage.mei, "secret")
    assert len(await offered(stage, stage.alex, "")) == 25
    assert await offered(stage, stage.alex, "e 29") == ["style 29"]
    assert await offered(stage, stage.alex, "style 01:0.5，IN") == ["style 01:0.5, ink"]
    assert await offered(stage, stage.alex, "zeb") == ["zebra"]
    assert await offered(stage, stage.alex, "secret") == []
    assert await offered(stage, stage.alex, "fl") == []
    assert await offered(stage, stage.alex, "ink, i") == []
    assert await offered(stage, stage.alex, "ink:0.") == ["ink:0."]


async def test_of_two_of_one_name_the_others_is_told_apart(stage: Stage) -> None:
    loras.add(stage, stage.alex, "ink", sha256="a" * 64)
    loras.share(stage, loras.add(stage, stage.mei, "ink", sha256="b" * 64))
    mine, theirs = await offered(stage, stage.alex, "ink")
    assert mine == "ink"
    await stage.imagine(stage.alex, lora=theirs)
    assert uses(stage) == [("b" * 64, 1.0)]
    await stage.imagine(stage.alex, lora=mine)
    assert uses(stage) == [("a" * 64, 1.0)]


async def test_presets_and_defaults_hold_them_where_they_fit(stage: Stage) -> None:
    lora_id = loras.add(stage, stage.alex, "ink", sha256="a" * 64)
    said = await stage.alex.slash(stage.channel, "presets save", name="p", lora="ink:0.5")
    assert "lora: ink\\:0.5" in said.response.content
    await stage.alex.slash(stage.channel, "defaults", lora="ink:0.3")
    await stage.imagine(stage.alex, preset="p")
    assert uses(stage) == [("a" * 64, 0.5)]
    await stage.imagine(stage.alex)
    assert uses(stage) == [("a" * 64, 0.3)]
    loras.remove(stage, lora_id)
    result = await stage.imagine(stage.alex)
    assert uses(stage) == []
    assert "Left out" in text(result.response)
