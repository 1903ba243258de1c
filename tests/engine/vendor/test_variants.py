"""The shipped variants of the vendor ask only for what its API takes."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from PIL import Image, ImageDraw

from engine import errors
from engine.pictures.inputs import NOTHING, Inputs
from engine.request import GenerationRequest
from engine.variants.catalog import PROJECT, VARIANTS, Catalog, Variant
from engine.vendor.body import body
from engine.vendor.endpoints import ENDPOINTS
from tests.engine.vendor.fake_vendor import RULES, Rule, broken_rules, drawn_size

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


def inputs(variant: Variant, size: tuple[int, int], count: int = 0) -> Inputs:
    """Return what a request of the variant starts from: `count` references, or what it needs."""
    if not variant.accepts.needs_mask:
        seen = (Image.new("RGB", (900 + 10 * one, 1500), (one, 0, 0)) for one in range(count))
        return Inputs(references=tuple(seen))
    mask = Image.new("L", size, 255)
    ImageDraw.Draw(mask).rectangle((40, 0, size[0] // 2, size[1] - 9), fill=0)
    return Inputs(canvas=Image.new("RGB", size, "teal"), mask=mask)


def named(inputs: Inputs) -> dict[str, Any]:
    """Return how a request names such inputs."""
    names = tuple(f"{index:064x}" for index in range(len(inputs.references)))
    canvas = {"canvas": "c" * 64, "mask": "d" * 64} if inputs.canvas else {}
    return {"references": names, **canvas}


def schema_faults(endpoint: str, body: dict[str, Any]) -> list[str]:
    """Return what the vendor's own file says against a body; nothing where it is not here."""
    if not OPENAPI.exists():
        return []
    schemas = json.loads(OPENAPI.read_text(encoding="utf-8"))["components"]["schemas"]
    schema = schemas[RULES[endpoint].schema]
    strict = {**schema, "additionalProperties": False, "components": {"schemas": schemas}}
    plain = {name: value for name, value in body.items() if name not in NEWER}
    found = jsonschema.Draft202012Validator(strict).iter_errors(plain)
    return [f"{fault.json_path} {fault.validator}" for fault in found]


@pytest.mark.parametrize("name", NAMES)
def test_what_a_variant_allows_the_api_takes(name: str) -> None:
    one = variant(name)
    sizes = [*one.sizes.presets.values()]
    least = one.sizes.least_side
    sizes += [(least, least)] if not one.sizes.presets_only else []
    for width, height in sizes:
        for steps in (one.steps.least, one.steps.most):
            for guidance in (one.guidance.least, one.guidance.most):
                start = inputs(one, (width, height))
                values = {"width": width, "height": height, "steps": steps, "guidance": guidance}
                wish = order(one, **values, **named(start))
                one.check(wish)
                assert one.vendor
                sent = dict(body(one, one.vendor, wish.image(0), start))
                assert broken_rules(one.weights.source, sent) == []
                assert schema_faults(one.weights.source, sent) == []
                assert None not in sent.values()


@pytest.mark.parametrize("name", [name for name in NAMES if variant(name).accepts.most_references])
def test_as_many_references_as_a_variant_allows_the_api_takes(name: str) -> None:
    one = variant(name)
    most = one.accepts.most_references
    largest = max(one.sizes.presets.values()) if one.sizes.presets_only else (2048, 2048)
    for count, (width, height) in ((1, largest), (most, one.sizes.default), (most, largest)):
        start = inputs(one, (width, height), count)
        wish = order(one, width=width, height=height, **named(start))
        one.check(wish)
        assert one.vendor
        sent = dict(body(one, one.vendor, wish.image(0), start))
        assert len([field for field in sent if field.startswith("input_image")]) == count
        assert broken_rules(one.weights.source, sent) == []
        assert schema_faults(one.weights.source, sent) == []
    with pytest.raises(errors.PicturesTooMany):
        one.check(order(one, references=("a" * 64,) * (most + 1)))


@pytest.mark.parametrize("name", [name for name in NAMES if variant(name).accepts.needs_mask])
def test_what_needs_a_mask_draws_nothing_from_words_or_a_canvas_alone(name: str) -> None:
    one = variant(name)
    assert one.accepts.needs_picture
    for given in ({}, {"canvas": "c" * 64}, {"mask": "d" * 64}):
        with pytest.raises(errors.PictureMissing):
            one.check(order(one, **given))


def test_a_variant_that_only_expands_does_not_paint_over() -> None:
    accepts = variant("bfl-flux1-expand").accepts
    assert (accepts.canvas, accepts.mask, accepts.border) == (False, False, True)
    other = variant("bfl-flux2-pro")
    with pytest.raises(errors.CanvasUnsupported):
        other.check(order(other, canvas="c" * 64))


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
    assert drawn == set(ENDPOINTS)


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


def test_references_cost_what_the_vendor_says_that_an_edit_costs() -> None:
    listed = {"klein-4b": "0.015", "klein-9b": "0.017", "pro": "0.045", "max": "0.10"}
    for name, usd in {**listed, "flex": "0.10"}.items():
        hosted = variant(f"bfl-flux2-{name}").vendor
        assert hosted
        assert hosted.usd(1024, 1024, 1) == Decimal(usd)
    pro = variant("bfl-flux2-pro")
    assert pro.price(order(pro, references=("a" * 64,))) == 45
    assert pro.price(order(pro, references=("a" * 64,) * 8)) == 30 + 8 * 15
    kontext = variant("bfl-flux1-kontext-max")
    assert kontext.price(order(kontext, references=("a" * 64,) * 4)) == 80


def test_a_variant_of_ratios_has_no_free_sizes() -> None:
    ultra = variant("bfl-flux1-ultra")
    with pytest.raises(errors.SizeUnsupported):
        ultra.check(order(ultra, width=2048, height=2032))
    assert ultra.vendor
    assert set(ultra.vendor.aspect_ratios) == set(ultra.sizes.presets)
    sent = body(ultra, ultra.vendor, order(ultra, width=2752, height=1536).image(0), NOTHING)
    assert sent["aspect_ratio"] == "16:9"


def test_kontext_draws_the_sizes_that_its_ratios_give() -> None:
    for name in ("bfl-flux1-kontext-pro", "bfl-flux1-kontext-max"):
        one = variant(name)
        assert one.vendor
        for preset, size in one.sizes.presets.items():
            assert drawn_size({"aspect_ratio": one.vendor.aspect_ratios[preset]}) == size


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
    assert set(document["components"]["schemas"][rule.schema].get("required", [])) <= {
        *rule.needs,
        "prompt",
    }
    pictures = {name for name in fields if name.startswith("input_image") or name == "mask"}
    assert pictures - {"input_image_blob_path"} <= set(rule.takes), "as many as the file has"
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
