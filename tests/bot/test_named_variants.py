"""Which variants a command offers, and how members are told them apart."""

import pytest

from bot.commands import assembly
from bot.i18n import Texts
from engine.errors import VariantUnknown
from engine.variants.catalog import Catalog
from tests.bot.messages import text
from tests.bot.stage import Stage

FOUR, EIGHT = (f"qwen-image-edit-2509-lightning-{steps}" for steps in (4, 8))
TEXTS = Texts()


@pytest.fixture
def catalog() -> Catalog:
    return Catalog.load(["starter", "starter-lightning", FOUR, EIGHT])


def offered(stage: Stage, *path: str) -> list[str]:
    found = stage.env.backend.commands[None][(path[0], 1)]
    for name in (*path[1:], "variant"):
        (found,) = [one for one in found["options"] if one["name"] == name]
    return [one["value"] for one in found["choices"]]


async def test_only_what_draws_from_words_is_offered_where_there_is_no_picture(
    stage: Stage,
) -> None:
    for path in (("defaults",), ("presets", "save")):
        assert offered(stage, *path) == ["starter", "starter-lightning"]
    suggested = await stage.alex.autocomplete(stage.channel, "imagine", "variant", "")
    assert [one["value"] for one in suggested] == ["starter", "starter-lightning"]
    assert {FOUR, EIGHT} <= set(offered(stage, "edit"))


@pytest.mark.parametrize("locale", ["en-US", "zh-CN", "zh-TW"])
async def test_a_typed_one_is_told_by_a_name_that_no_other_has(stage: Stage, locale: str) -> None:
    words = stage.speaks(stage.alex, locale)
    told = {text((await stage.imagine(stage.alex, variant=one)).response) for one in (FOUR, EIGHT)}
    assert told == {
        words("errors.picture_missing", variant=words(f"variants.{one}")) for one in (FOUR, EIGHT)
    }
    assert len(told) == 2
    assert not stage.orders()


async def test_a_typed_beginning_of_two_names_is_neither(stage: Stage) -> None:
    named = stage.services.texts.of("en-US").short
    assert named("variants.starter-lightning", "") == "Starter Lightning"
    typed = TEXTS.of("en-US")(f"variants.{FOUR}").partition(" · ")[0]
    with pytest.raises(VariantUnknown):
        assembly.variant_named(stage.services, typed)
