"""The shipped variants of the vendor ask only for what its API takes."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine import errors
from engine.catalog import PROJECT, VARIANTS, Catalog, Variant
from engine.families.bfl import _body
from engine.request import GenerationRequest
from engine.vendor.endpoints import ENDPOINTS
from tests.engine.vendor.fake_vendor import RULES, Rule, broken_rules

OPENAPI = PROJECT.parent / "shared" / "data" / "bfl-openapi.json"
NEWER = {"disable_pup"}
"""Named by the vendor after the copy of its file was taken."""
NAMES = sorted(path.stem for path in VARIANTS.glob("bfl-*.toml"))


def variant(name: str) -> Variant:
    return Catalog.load([name]).default


def order(variant: Variant, **changes: Any) -> GenerationRequest:
    width, height = variant.sizes.default
    values = {
        "variant": variant.name,
        "prompt": "a 熊猫",
        "negative": "",
        "width": width,
        "height": height,
        "steps": variant.steps.default,
        "guidance": variant.guidance.default,
        "seeds": (2**32 - 1,),
    }
    return GenerationRequest(**(values | changes))


@pytest.mark.parametrize("name", NAMES)
def test_what_a_variant_allows_the_api_takes(name: str) -> None:
    one = variant(name)
    sizes = [*one.sizes.presets.values()]
    least = one.sizes.least_side
    sizes += [(least, least)] if not one.sizes.presets_only else []
    for width, height in sizes:
        for steps in (one.steps.least, one.steps.most):
            for guidance in (one.guidance.least, one.guidance.most):
                wish = order(one, width=width, height=height, steps=steps, guidance=guidance)
                one.check(wish)
                assert one.vendor
                body = _body(one, one.vendor, wish.image(0))
                assert broken_rules(one.weights.source, dict(body)) == []
                assert None not in body.values()


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_is_promised_only_with_the_prompt_as_it_is(name: str) -> None:
    one = variant(name)
    assert one.vendor
    assert one.seeds
    assert "seed" in one.vendor.takes
    assert one.vendor.sent.get("prompt_upsampling", False) is False
    rule = RULES[one.weights.source]
    switches = {"prompt_upsampling", "disable_pup"}.intersection(rule.takes)
    assert switches <= set(one.vendor.sent)
    assert one.vendor.sent["output_format"] == "png", "the pixels are compared"
    assert "preview" not in one.weights.source, "those models move"


def test_the_family_is_all_there() -> None:
    drawn = {variant(name).weights.source for name in NAMES}
    editing = {"flux-kontext-pro", "flux-kontext-max"}
    editing |= {"flux-pro-1.0-fill", "flux-pro-1.0-expand"}
    assert drawn == set(ENDPOINTS) - editing


def test_a_price_follows_the_vendors_and_not_the_steps() -> None:
    flex, pro, ultra = (
        variant(f"bfl-{name}") for name in ("flux2-flex", "flux2-pro", "flux1-ultra")
    )
    assert flex.price(order(flex, steps=1)) == flex.price(order(flex)) == 50
    assert pro.price(order(pro, width=64, height=64)) == 30
    assert pro.price(order(pro, width=2048, height=2048)) == 75
    assert pro.price(order(pro, seeds=(1, 2))) == 60
    assert {
        ultra.price(order(ultra, width=w, height=h)) for w, h in ultra.sizes.presets.values()
    } == {60}


def test_a_variant_of_ratios_has_no_free_sizes() -> None:
    ultra = variant("bfl-flux1-ultra")
    with pytest.raises(errors.SizeUnsupported):
        ultra.check(order(ultra, width=2048, height=2032))
    assert ultra.vendor
    assert set(ultra.vendor.aspect_ratios) == set(ultra.sizes.presets)
    body = _body(ultra, ultra.vendor, order(ultra, width=2752, height=1536).image(0))
    assert body["aspect_ratio"] == "16:9"


def test_what_is_sent_decides_the_digest_and_prices_do_not(tmp_path: Path) -> None:
    text = (VARIANTS / "bfl-flux2-pro.toml").read_text(encoding="utf-8")
    digest = Variant.from_toml("x", text).digest
    assert Variant.from_toml("y", text.replace("3.0", "9.0")).digest == digest
    assert Variant.from_toml("x", text.replace("up = true", "up = false")).digest != digest
    assert Variant.from_toml("x", text.replace('"flux-2-pro"', '"flux-2-max"')).digest != digest


@pytest.mark.skipif(not OPENAPI.exists(), reason="the vendor's own file is not here")
@pytest.mark.parametrize("endpoint", sorted(RULES))
def test_the_fake_vendors_rules_are_the_vendors(endpoint: str) -> None:
    document = json.loads(OPENAPI.read_text(encoding="utf-8"))
    post = document["paths"][f"/v1/{endpoint}"]["post"]
    schema = post["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    rule = RULES[endpoint]
    assert schema.endswith(f"/{rule.schema}")
    fields = document["components"]["schemas"][rule.schema]["properties"]
    assert set(rule.takes) <= set(fields) | NEWER
    for name in rule.bounds:
        assert _bounds(fields[name]) == _plain(rule, name), name


@pytest.mark.skipif(not OPENAPI.exists(), reason="the vendor's own file is not here")
def test_every_endpoint_is_one_of_the_vendors() -> None:
    paths = json.loads(OPENAPI.read_text(encoding="utf-8"))["paths"]
    assert {f"/v1/{name}" for name in ENDPOINTS} <= set(paths)


def _bounds(found: dict[str, Any]) -> tuple[Any, ...]:
    number = next((one for one in found.get("anyOf", []) if "minimum" in one), found)
    multiple = number.get("multipleOf", 1 if number["type"] == "integer" else 0)
    return number["minimum"], number.get("maximum"), multiple


def _plain(rule: Rule, name: str) -> tuple[Any, ...]:
    return rule.bounds[name]
