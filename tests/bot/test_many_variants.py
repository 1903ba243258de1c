"""More variants than Discord takes as choices: suggested while typed, none of them out of reach."""

from dataclasses import replace
from typing import Any

import discord
import pytest

from engine.variants.catalog import VARIANTS, Catalog
from tests.bot.messages import text
from tests.bot.stage import Stage

FIRST = ["starter", "starter-lightning"]
NAMES = [*FIRST, *sorted({one.stem for one in VARIANTS.glob("*.toml")} - {*FIRST})][:30]
LAST = NAMES[-1]
STARTER = Catalog.load(FIRST)["starter"]
PAINTERS = Catalog([replace(STARTER, name=f"starter-{nth}") for nth in range(27)])


@pytest.fixture
def catalog(request: pytest.FixtureRequest) -> Catalog:
    return getattr(request, "param", None) or Catalog.load(NAMES)


def option(stage: Stage, *path: str) -> dict[str, Any]:
    """Return the option `variant` of a command as it was synced."""
    found = stage.env.backend.commands[None][(path[0], 1)]
    for name in (*path[1:], "variant"):
        (found,) = [one for one in found["options"] if one["name"] == name]
    return dict(found)


@pytest.mark.parametrize(
    "path",
    [
        ("history",),
        ("settings", "channel", "variant"),
        ("settings", "channel", "defaults"),
        ("admin", "variant"),
    ],
)
async def test_thirty_are_suggested_by_every_command(stage: Stage, path: tuple[str, ...]) -> None:
    assert len(NAMES) == 30
    found = option(stage, *path)
    assert found["autocomplete"]
    assert not found.get("choices")
    powers = discord.Permissions(administrator=True)
    role = stage.guild.create_role("bosses", permissions=powers)
    boss = stage.guild.add_member(stage.env.create_user("boss"), roles=[role])
    stage.speaks(boss, "zh-CN")
    command = " ".join(path)
    shown = await boss.autocomplete(stage.channel, command, "variant", "")
    assert len(shown) == 25
    name = stage.services.texts.of("zh-CN")(f"variants.{LAST}")
    (only,) = await boss.autocomplete(stage.channel, command, "variant", name)
    assert (only["name"], only["value"]) == (name, LAST)


async def test_what_was_typed_and_not_picked_is_found_by_its_name(stage: Stage) -> None:
    words = stage.speaks(stage.alex, "zh-TW")
    shown = words("variants.starter-lightning")
    await stage.imagine(stage.alex, prompt="a panda", variant=shown.partition(" · ")[0])
    assert [one.request["variant"] for one in stage.orders()] == ["starter-lightning"]
    told = await stage.imagine(stage.alex, prompt="a panda", variant="dall-e")
    said = text(told.response)
    assert "「dall\\-e」" in said
    assert said.endswith("；…")
    assert len(said) < 600


@pytest.mark.parametrize("locale", ["en-US", "zh-CN", "zh-TW"])
@pytest.mark.parametrize("catalog", [PAINTERS], indirect=True)
async def test_a_form_that_cannot_hold_them_all_says_where_the_others_are(
    stage: Stage, locale: str
) -> None:
    first = await stage.drawn(stage.alex)
    words = stage.speaks(stage.alex, locale)
    form = await stage.alex.context_menu(stage.channel, "Remix this image", first.response)
    fields = form.modal["components"]
    (field,) = [one for one in fields if one["component"]["custom_id"].startswith("variant")]
    told = {"command": words("edit.name"), "option": words("imagine.variant")}
    assert len(field["component"]["options"]) == 25
    assert field["description"] == words("edit_form.variant_more_hint", count=25, **told)
    assert len(field["description"]) <= 100
