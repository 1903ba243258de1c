from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine import errors
from engine.family import FAMILIES
from engine.request import GenerationRequest, LoraUse
from engine.variants.bounds import Accepts
from engine.variants.catalog import VARIANTS, Catalog, Variant, Weights
from engine.weights.finding import FULL_COMMIT
from tests.engine import toys

Order = Callable[..., GenerationRequest]


@pytest.fixture
def variant() -> Variant:
    return Variant.from_toml("toy", toys.VARIANT.format(weights="weights"))


@pytest.fixture
def order() -> Order:
    def make(**changes: Any) -> GenerationRequest:
        plain = GenerationRequest(
            variant="toy",
            prompt="a cat",
            negative="",
            width=64,
            height=64,
            steps=3,
            guidance=3.0,
            seeds=(1, 2),
        )
        return replace(plain, **changes)

    return make


@pytest.mark.parametrize("name", sorted(path.stem for path in VARIANTS.glob("*.toml")))
def test_every_shipped_variant_takes_its_own_defaults_and_presets(name: str, order: Order) -> None:
    variant = Catalog.load([name]).default
    accepts = variant.accepts
    pictures: dict[str, Any] = {"references": ("a",) * accepts.least_references}
    if accepts.needs_mask:
        pictures |= {"canvas": "b", "mask": "c"}
    for width, height in variant.sizes.presets.values():
        variant.check(
            order(
                width=width,
                height=height,
                steps=variant.steps.default,
                guidance=variant.guidance.default,
                **pictures,
            )
        )


@pytest.mark.parametrize("name", sorted(path.stem for path in VARIANTS.glob("*.toml")))
def test_every_shipped_variant_is_a_folder_or_a_pinned_commit(name: str) -> None:
    variant = Catalog.load([name]).default
    for source in (variant.weights, variant.lora, *variant.companions.values()):
        if source and not source.source.startswith("starter/") and not variant.vendor:
            assert FULL_COMMIT.fullmatch(source.revision)


@pytest.mark.parametrize("name", sorted(path.stem for path in VARIANTS.glob("*.toml")))
def test_every_shipped_variant_names_a_family_and_its_kind_of_guidance(name: str) -> None:
    variant = Catalog.load([name]).default
    assert variant.family in FAMILIES
    assert variant.guidance.kind in ("none", "embedded", "true_cfg", "vendor")
    assert variant.guidance.is_choice == (variant.guidance.kind != "none")
    assert not variant.negative or variant.guidance.kind == "true_cfg"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"prompt": ""}, errors.PromptEmpty),
        ({"prompt": " \n　"}, errors.PromptEmpty),
        ({"prompt": "字" * 401}, errors.PromptTooLong),
        ({"negative": "x" * 401}, errors.PromptTooLong),
        ({"width": 65}, errors.SizeUnsupported),
        ({"width": 16}, errors.SizeUnsupported),
        ({"height": 528}, errors.SizeUnsupported),
        ({"width": 0}, errors.SizeUnsupported),
        ({"steps": 0}, errors.StepsInvalid),
        ({"steps": 31}, errors.StepsInvalid),
        ({"guidance": 0.5}, errors.GuidanceInvalid),
        ({"guidance": 8.5}, errors.GuidanceInvalid),
        ({"guidance": float("nan")}, errors.GuidanceInvalid),
        ({"seeds": ()}, errors.CountInvalid),
        ({"seeds": (1,) * 5}, errors.CountInvalid),
        ({"seeds": (-1,)}, errors.SeedInvalid),
        ({"seeds": (2**32,)}, errors.SeedInvalid),
    ],
)
def test_what_a_variant_cannot_do_is_refused(
    variant: Variant, order: Order, change: dict[str, Any], error: type[errors.RequestRefused]
) -> None:
    with pytest.raises(error):
        variant.check(order(**change))


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"prompt": "字" * 400, "negative": "x" * 400},
        {"width": 512, "height": 512},
        {"width": 32, "height": 32, "steps": 1, "guidance": 1.0},
        {"steps": 30, "guidance": 8.0, "seeds": (0, 2**32 - 1, 5, 5)},
    ],
)
def test_the_bounds_themselves_are_allowed(
    variant: Variant, order: Order, change: dict[str, Any]
) -> None:
    variant.check(order(**change))


def test_a_negative_prompt_needs_a_variant_that_reads_one(variant: Variant, order: Order) -> None:
    variant.check(order(negative="dark"))
    with pytest.raises(errors.NegativeUnsupported):
        replace(variant, negative=False).check(order(negative="dark"))


@pytest.mark.parametrize(
    ("uses", "error"),
    [
        ([("a", 2.0), ("b", -2.0), ("c", 0.0), ("d", 0.1)], None),
        ([("a", 1.0)] * 2, errors.LoraRepeated),
        ([(name, 1.0) for name in "abcde"], errors.LorasTooMany),
        ([("a", 2.01)], errors.LoraWeightInvalid),
        ([("a", -2.01)], errors.LoraWeightInvalid),
        ([("a", float("nan"))], errors.LoraWeightInvalid),
        ([("a", float("inf"))], errors.LoraWeightInvalid),
    ],
)
def test_loras_are_bounded(
    variant: Variant,
    order: Order,
    uses: list[tuple[str, float]],
    error: type[errors.RequestRefused] | None,
) -> None:
    request = order(loras=tuple(LoraUse(*use) for use in uses))
    with pytest.raises(errors.LorasUnsupported):
        variant.check(request)
    taking = replace(variant, loras="starter")
    if error is None:
        taking.check(request)
    else:
        with pytest.raises(error):
            taking.check(request)


def test_every_local_variant_takes_loras_and_no_vendors_does() -> None:
    for path in VARIANTS.glob("*.toml"):
        variant = Catalog.load([path.stem]).default
        assert bool(variant.loras) == (variant.vendor is None)


@pytest.mark.parametrize(
    ("change", "price"),
    [
        ({"seeds": (1,)}, 2),
        ({}, 4),
        ({"width": 128}, 8),
        ({"steps": 4}, 6),
        ({"steps": 1}, 2),
        ({"width": 32, "height": 32, "steps": 1, "seeds": (1, 2, 3)}, 3),
    ],
)
def test_the_price_grows_with_pixels_steps_and_count(
    variant: Variant, order: Order, change: dict[str, Any], price: int
) -> None:
    assert variant.price(order(**change)) == price


def test_the_digest_follows_what_decides_pixels_only(variant: Variant) -> None:
    assert replace(variant, name="other", cost=9, max_count=1).digest == variant.digest
    others = [
        replace(variant, weights=Weights(source="elsewhere")),
        replace(variant, scheduler={"shift": 1.0}),
        replace(variant, dtype="bfloat16"),
        replace(variant, accepts=Accepts(control="canny")),
        replace(variant, companions={"depth": Weights(source="elsewhere")}),
    ]
    assert len({variant.digest, *(other.digest for other in others)}) == 6


def test_a_catalog_keeps_the_order_given_and_its_first_is_the_default(project: Path) -> None:
    catalog = Catalog.load(["toy"], project / "variants")
    assert catalog["toy"] is catalog.default
    assert Catalog.load(["starter", "qwen-image"]).names == ("starter", "qwen-image")


def test_an_unknown_variant_is_told_with_the_known_ones() -> None:
    with pytest.raises(errors.VariantUnknown) as failure:
        Catalog.load(["starter"])["sharter"]
    assert failure.value.params == {"name": "sharter", "known": "starter"}
    with pytest.raises(errors.VariantUnknown):
        Catalog.load(["../starter"])


@pytest.mark.parametrize("line", ["colour = 1", "[steps]\nmost = 3"])
def test_a_file_with_unknown_or_missing_keys_is_no_variant(line: str) -> None:
    with pytest.raises((TypeError, KeyError)):
        Variant.from_toml("odd", line)
