"""What holds where no variant is named: the member's own, the channel's, or any that can."""

from typing import Any

import discord
import pytest

from engine.errors import PictureMissing
from engine.variants.catalog import Catalog
from store.choices import channels
from tests.bot.stage import Stage


@pytest.fixture
def catalog(request: pytest.FixtureRequest) -> Catalog:
    """The usual one draws small pictures, the other one large ones."""
    return Catalog.load(getattr(request, "param", ["starter", "flux1-schnell"]))


async def say(stage: Stage, member: Any, command: str, **options: Any) -> Any:
    return (await member.slash(stage.channel, command, **options)).response


async def test_a_size_is_kept_that_only_the_members_own_variant_draws(stage: Stage) -> None:
    await say(stage, stage.alex, "defaults", variant="flux1-schnell")
    shown = await say(stage, stage.alex, "defaults", size="1024x768")
    assert shown.ephemeral
    await stage.imagine(stage.alex)
    (order,) = stage.orders()
    drawn = (order.variant, order.request["width"], order.request["height"])
    assert drawn == ("flux1-schnell", 1024, 768)


async def test_a_preset_holds_a_size_for_whoever_draws_it(stage: Stage) -> None:
    saved = await say(stage, stage.alex, "presets save", name="wide", size="1024x768")
    assert "1024x768" in saved.content
    await stage.imagine(stage.alex, preset="wide", variant="flux1-schnell")
    (order,) = stage.orders()
    assert (order.request["width"], order.request["height"]) == (1024, 768)


async def test_a_size_that_nobody_draws_is_refused(stage: Stage) -> None:
    words = stage.services.texts.of("en-US")
    told = await say(stage, stage.alex, "defaults", size="9999x9999")
    assert told.content.startswith("“9999×9999”")
    named = {"variant": "starter", "size": "1024x768"}
    told = await say(stage, stage.alex, "presets save", name="wide", **named)
    assert told.content.startswith("“1024×768”")
    assert words("presets.saved") not in told.content


def manager(stage: Stage) -> Any:
    role = stage.guild.create_role("managers", permissions=discord.Permissions(manage_guild=True))
    return stage.guild.add_member(stage.env.create_user("boss"), roles=[role])


async def test_a_channels_usual_size_may_be_for_the_servers_usual_variant(stage: Stage) -> None:
    boss = manager(stage)
    everywhere = {"variant": "flux1-schnell", "everywhere": True}
    await say(stage, boss, "settings channel defaults", **everywhere)
    await say(stage, boss, "settings channel defaults", size="1024x768")
    await stage.imagine(stage.alex)
    (order,) = stage.orders()
    drawn = (order.variant, order.request["width"], order.request["height"])
    assert drawn == ("flux1-schnell", 1024, 768)


async def test_sizes_are_offered_as_they_would_be_drawn(stage: Stage) -> None:
    async def offered(command: str, typed: str) -> list[str]:
        found = await stage.alex.autocomplete(stage.channel, command, "size", typed)
        return [one["name"] for one in found]

    assert "Square · 128×128" in await offered("imagine", "")
    await say(stage, stage.alex, "defaults", variant="flux1-schnell")
    for command in ("imagine", "defaults"):
        assert "Square · 1024×1024" in await offered(command, "")
    assert (await offered("imagine", "1000x1000"))[0] == "1000x1000 → 1008×1008"


@pytest.mark.parametrize("catalog", [["flux1-kontext", "starter"]], indirect=True)
async def test_what_needs_a_picture_is_nobodys_usual_variant_for_words(stage: Stage) -> None:
    await stage.imagine(stage.alex)
    with stage.database.begin() as session:
        channels.choose(session, stage.guild.id, stage.channel.id, variant="flux1-kontext")
    stage.services.chosen.forget(stage.guild.id)
    await stage.imagine(stage.alex, size="portrait")
    drawn = [(one.variant, one.request["width"]) for one in stage.orders()]
    assert drawn == [("starter", 128), ("starter", 96)]


@pytest.mark.parametrize("catalog", [["starter", "flux1-kontext"]], indirect=True)
async def test_what_needs_a_picture_is_refused_as_a_channels_usual_variant(stage: Stage) -> None:
    words = stage.services.texts.of("en-US")
    told = await say(stage, manager(stage), "settings channel defaults", variant="flux1-kontext")
    assert told.content == words.error(PictureMissing(variant="flux1-kontext"))
