"""A variant without seeds takes none, shows none, and offers no same picture again."""

from dataclasses import replace
from typing import Any

import pytest

from bot.cards import order_card
from bot.delivery.reruns import Comparison, compare
from bot.i18n import Texts
from bot.wishes import sizes
from bot.wishes.options import RawOptions, Reader, RemixFields
from engine.errors import SeedUnsupported
from engine.request import GenerationRequest
from engine.variants.catalog import Catalog
from store.tables.orders import Generation, Image
from tests.bot.messages import presses, text
from tests.bot.stage import Stage
from tests.store.placing import request

TEXTS = Texts()
SEEDLESS = Catalog([replace(Catalog.load(["starter"]).default, seeds=False)])


@pytest.fixture
def catalog() -> Catalog:
    return SEEDLESS


def reader() -> Reader:
    return Reader(SEEDLESS, sizes.size_words(TEXTS))


def parent(**changes: Any) -> GenerationRequest:
    return replace(reader().request(RawOptions(prompt="a panda", count=2)), **changes)


def test_a_seed_is_refused_and_none_is_chosen() -> None:
    assert parent().seeds == (0, 0)
    for typed in ("7", "0", "x"):
        with pytest.raises(SeedUnsupported):
            reader().request(RawOptions(prompt="a panda", seed=typed))
    with pytest.raises(SeedUnsupported):
        reader().remixed(parent(), RemixFields(prompt="a", negative="", size="", seed="0"))


def test_new_and_remixed_pictures_have_none_either() -> None:
    fields = RemixFields(prompt="a cat", negative="", size="", seed="")
    assert reader().rerolled(parent()).seeds == (0, 0)
    assert reader().remixed(parent(), fields).seeds == (0, 0)


def test_an_order_from_when_the_variant_had_seeds_is_not_repeated() -> None:
    with pytest.raises(SeedUnsupported):
        reader().repeated(parent(seeds=(5, 6)))
    assert reader().rerolled(parent(seeds=(5, 6))).seeds == (0, 0)


@pytest.mark.parametrize("locale", sorted(TEXTS.words))
def test_the_refusal_names_the_variant_in_every_language(locale: str) -> None:
    said = TEXTS.of(locale).error(SeedUnsupported(variant="starter"))
    assert TEXTS.of(locale)("variants.starter") in said


def test_again_becomes_new_where_it_is_not_there_already() -> None:
    variant = SEEDLESS.default
    assert order_card.offered(("new", "again", "remix"), variant) == ("new", "remix")
    assert order_card.offered(("again", "remix"), variant) == ("new", "remix")
    assert order_card.offered(("new", "again"), replace(variant, seeds=True)) == ("new", "again")
    assert order_card.offered(("new", "again"), None) == ("new", "again")


async def test_the_command_has_no_seed_and_cards_show_none(stage: Stage) -> None:
    command = stage.env.backend.commands[None][("imagine", 1)]
    assert "seed" not in {option["name"] for option in command["options"]}

    result = await stage.drawn(stage.alex)
    reworked = {"vary", "edit", "upscale"}
    assert set(presses(result.response)) == {"new", "remix", "delete", "pick"} | reworked
    assert "seed" not in text(result.response)
    form = await stage.alex.click(result.response, custom_id=presses(result.response)["remix"])
    fields = {label["component"]["custom_id"] for label in form.modal["components"]}
    assert fields == {"prompt", "negative", "size", "lora"}

    shown = await stage.alex.slash(stage.channel, "history")
    assert "seed" not in text(shown.response)
    assert "again" not in presses(shown.response)

    await stage.alex.click(result.response, custom_id=presses(result.response)["new"])
    assert [order.request["seeds"] for order in stage.orders()] == [[0], [0]]


def test_a_vendors_picture_that_differs_is_not_called_unexplained() -> None:
    def order(pixels: str, mode: str) -> Generation:
        recipe = {"mode": mode, "device": "bfl"}
        image = Image(index=0, pixel_sha256=pixels, recipe=recipe)
        return Generation(request=request(1).to_json(), images=[image])

    assert compare(order("b", "vendor"), order("a", "vendor")) is Comparison.VENDOR
    assert compare(order("a", "vendor"), order("a", "vendor")) is Comparison.IDENTICAL
    assert compare(order("b", "exact"), order("a", "exact")) is Comparison.UNEXPLAINED
