import json
from dataclasses import replace

import pytest

from engine.recipe import Recipe
from engine.request import GenerationRequest, LoraUse

ORDER = GenerationRequest(
    variant="toy",
    prompt="a 熊猫",
    negative="dark",
    width=64,
    height=96,
    steps=3,
    guidance=2.5,
    seeds=(7, 2**32 - 1),
)
RECIPE = Recipe(
    request=ORDER.image(1),
    variant_digest="a",
    weights_digest="b",
    scheduler={"shift": 3.0},
    dtype="float32",
    mode="exact",
    device="cpu",
    threads=1,
    versions={"torch": "2"},
)


def test_each_picture_of_an_order_differs_in_its_seed_only() -> None:
    first, second = ORDER.image(0), ORDER.image(1)
    assert (first.seed, second.seed) == (7, 2**32 - 1)
    assert (first.prompt, first.height, first.guidance) == ("a 熊猫", 96, 2.5)
    with pytest.raises(IndexError):
        ORDER.image(2)


def test_orders_and_recipes_survive_json() -> None:
    assert GenerationRequest.from_json(json.loads(json.dumps(ORDER.to_json()))) == ORDER
    assert Recipe.from_json(json.loads(RECIPE.dumps())) == RECIPE


def test_the_recipes_text_is_canonical_ascii() -> None:
    text = RECIPE.dumps()
    assert text.isascii()
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))


def test_unknown_names_are_refused() -> None:
    with pytest.raises(TypeError):
        GenerationRequest.from_json({**ORDER.to_json(), "colour": 1})
    with pytest.raises(TypeError):
        Recipe.from_json({**RECIPE.to_json(), "colour": 1})


def test_loras_survive_json_and_rows_from_before_them_are_read() -> None:
    worn = replace(ORDER, loras=(LoraUse("a" * 64, 0.5), LoraUse("b" * 64, -1.0)))
    assert GenerationRequest.from_json(json.loads(json.dumps(worn.to_json()))) == worn
    assert worn.image(0).loras == worn.loras
    recipe = replace(RECIPE, request=worn.image(0))
    assert Recipe.from_json(json.loads(recipe.dumps())) == recipe
    old = {name: value for name, value in ORDER.to_json().items() if name != "loras"}
    assert GenerationRequest.from_json(old) == ORDER
