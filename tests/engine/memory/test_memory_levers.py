"""Levers on real pipelines at tiny size: what they change, what they must not, what recipes say.

Not tested here, for want of an accelerator: that offload brings weights to another device and
back, its streams, and how long that takes.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers.modeling_outputs import BaseModelOutput

from engine import errors
from engine.engine import Engine
from engine.families.elsewhere import Elsewhere
from engine.families.seating import encoders
from engine.family import Local, open_local
from engine.memory.levers import LeverRefused, Levers, Offload, Use, Wishes
from engine.memory.words import Shelf, Words
from engine.pictures.images import pixel_sha256
from engine.pictures.inputs import opened
from engine.request import ImageRequest
from engine.residents import Residents
from engine.variants.bounds import Guidance
from engine.variants.catalog import Variant
from engine.variants.memory import Profile
from engine.weights.finding import Place
from tests.engine import stock_toys, toys

Request = Callable[..., ImageRequest]
PIPELINES: dict[str, tuple[str, Guidance, Callable[[pytest.MonkeyPatch], Any]]] = {
    "qwen-image": ("qwen_image", Guidance(kind="none"), lambda _: toys.toy_pipeline()),
    "flux1-dev": (
        "flux1",
        Guidance(kind="embedded", default=3.5),
        lambda _: stock_toys.flux1(guided=True),
    ),
    "flux2-klein": (
        "flux2",
        Guidance(kind="none"),
        lambda _: stock_toys.flux2_klein(distilled=True),
    ),
    "flux2-dev": ("flux2", Guidance(kind="embedded", default=3.5), stock_toys.flux2_dev),
    "z-image": ("z_image", Guidance(kind="none"), lambda _: stock_toys.z_image()),
}
NEEDY = Profile(text_encoder=0.02, transformer=0.2, vae=0.01, denoise=0.01, decode=0.01)
FP8 = Wishes(limit_gb=0.2, fp8=Use.IF_NEEDED)
"""A variant said to be so large that only fp8 lets it fit; its weights are tiny all the same."""


@pytest.fixture(scope="module", params=PIPELINES)
def half(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    patch: pytest.MonkeyPatch,
) -> Variant:
    """A variant of each kind, in bfloat16 as the published ones are."""
    family, guidance, make = PIPELINES[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    torch.manual_seed(0)
    make(patch).save_pretrained(folder)
    plain = Variant.from_toml(request.param, toys.VARIANT.format(weights=folder.as_posix()))
    return replace(plain, family=family, guidance=guidance, negative=False, dtype="bfloat16")


@pytest.fixture
def order(half: Variant, image: Request) -> ImageRequest:
    return image(variant=half.name, guidance=half.guidance.default)


def seated(variant: Variant, levers: Levers) -> Local:
    family = open_local(variant, "cpu", Place(Path(), offline=True))
    family.seat(levers)
    return family


def drawn(family: Local, request: ImageRequest, watch: Callable[..., None] | None = None) -> str:
    def silent(*_: object, **__: object) -> None:
        pass

    return pixel_sha256(family.draw(request, opened(request, {}), watch or silent))


@pytest.mark.parametrize("offload", [Offload.MODEL, Offload.GROUP])
def test_offload_changes_no_pixel_and_no_preview(
    half: Variant, order: ImageRequest, offload: Offload
) -> None:
    plain, offloaded = (seated(half, Levers(offload=one)) for one in (Offload.NONE, offload))
    previews: dict[int, list[str]] = {}

    def watch(key: int) -> Callable[..., None]:
        kept = previews.setdefault(key, [])

        def see(_index: int, preview: Callable[[], Any], **_: object) -> None:
            kept.append(pixel_sha256(preview()))

        return see

    assert drawn(offloaded, order, watch(1)) == drawn(plain, order, watch(0))
    assert previews[0] == previews[1]
    assert len(set(previews[0])) == order.steps


@pytest.mark.parametrize("offload", Offload)
def test_text_encoders_apart_from_the_pipeline_change_no_pixel(
    half: Variant, order: ImageRequest, offload: Offload
) -> None:
    apart = seated(half, Levers(offload=offload, text="cpu"))
    assert drawn(apart, order) == drawn(seated(half, Levers()), order)
    # What moves the pipeline's models, when a picture ends, finds no text encoder among them.
    pipe = apart.pipe  # type: ignore[attr-defined]
    assert not isinstance(pipe.text_encoder, torch.nn.Module)
    assert not hasattr(pipe.text_encoder, "_hf_hook")


def test_a_text_is_read_once_also_by_another_process(
    half: Variant, order: ImageRequest, tmp_path: Path
) -> None:
    read: list[str] = []
    pixels = []
    for seed in (7, 8, 7):
        # One process after the other, which have the folder of encoded texts alone in common.
        words = Words(shelf=Shelf(tmp_path))
        family: Any = open_local(half, "cpu", Place(Path(), offline=True, words=words))
        family.seat(Levers())
        for encoder in encoders(family.pipe).values():
            encoder.register_forward_hook(lambda model, *_: read.append(type(model).__name__))
        pixels += [drawn(family, replace(order, seed=one)) for one in (seed, seed)]
    assert len(read) == len(set(read)) > 0
    assert len(set(pixels)) == 2


def test_text_encoders_alone_lie_on_their_device(half: Variant) -> None:
    plain, apart = (seated(half, Levers(text=text)) for text in ("", "meta"))
    pipe = plain.pipe  # type: ignore[attr-defined]
    text = sum(
        one.nbytes
        for model in encoders(pipe).values()
        for one in (*model.parameters(), *model.buffers())
    )
    rest = plain.weight()["cpu"] - text
    assert apart.weight()["cpu"] == rest
    assert set(apart.weight()) == {"cpu", "meta"}


def test_what_a_text_encoder_is_given_goes_to_its_device() -> None:
    seen: list[Any] = []

    class Model(torch.nn.Linear):
        def forward(self, *given: Any, **named: Any) -> Any:
            seen.append((given, named))
            return BaseModelOutput(last_hidden_state=None, hidden_states=("kept",))

    answer = Elsewhere(Model(2, 2), "meta")(torch.ones(1), pair=(torch.ones(2), None), on=True)
    (((one,), named),) = seen
    assert {one.device.type, named["pair"][0].device.type} == {"meta"}
    assert (named["pair"][1], named["on"]) == (None, True)
    assert (type(answer), answer.hidden_states) == (BaseModelOutput, ("kept",))


def test_texts_encoded_on_other_hardware_stand_in_the_recipe(project: Path, toy: Variant) -> None:
    modes = {}
    for text in ("", "cpu", "meta"):
        engine = Engine(device="cpu", root=project, wishes=Wishes(text=text))
        engine.load(toy)
        modes[text] = engine.means(toy)["mode"]
    assert modes["cpu"] == modes[""] == "exact"
    assert modes["meta"].startswith("exact, text on meta ")


def test_a_device_for_texts_that_is_not_here_is_refused_by_name(toy: Variant) -> None:
    engine = Engine(device="cpu", wishes=Wishes(text="cuda:99"))
    for variant in (toy, replace(toy, memory=NEEDY)):
        with pytest.raises(LeverRefused, match="REROLL_TEXT_DEVICE=cuda:99"):
            engine.levers(variant)


def test_offloaded_models_take_turns_whatever_was_drawn_before(
    half: Variant,
    toy: Variant,
    project: Path,
    image: Request,
    crowd: list[set[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Residents, "levers", lambda *_: Levers(offload=Offload.MODEL))
    engine = Engine(device="cpu", root=project)
    order = partial(image, variant=half.name, guidance=half.guidance.default)

    def cancel(_step: object) -> None:
        raise errors.GenerationCancelled

    engine.draw(half, order())
    with pytest.raises(errors.GenerationCancelled):
        engine.draw(half, order(prompt="blue"), cancel)
    engine.draw(half, order(prompt="green"))
    engine.draw(toy, image())
    engine.draw(half, order())

    assert {len(models) for models in crowd} == {1}


@pytest.mark.parametrize("offload", [Offload.MODEL, Offload.GROUP])
def test_a_cancelled_picture_leaves_an_offloaded_variant_exact(
    half: Variant, order: ImageRequest, offload: Offload
) -> None:
    family = seated(half, Levers(offload=offload))
    exact = drawn(family, order)

    def cancel(index: int, *_: object, **__: object) -> None:
        if index == 2:
            raise errors.GenerationCancelled

    with pytest.raises(errors.GenerationCancelled):
        drawn(family, replace(order, seed=8), cancel)
    assert drawn(family, order) == exact


def test_the_vae_is_in_no_hook_of_the_offload(half: Variant) -> None:
    hooked = seated(half, Levers(offload=Offload.MODEL)).pipe  # type: ignore[attr-defined]
    assert hasattr(hooked.transformer, "_hf_hook")
    assert hasattr(hooked.text_encoder, "_hf_hook")
    assert not hasattr(hooked.vae, "_hf_hook")


def test_fp8_halves_the_transformer_and_nothing_else(half: Variant) -> None:
    def parts(levers: Levers) -> dict[str, int]:
        pipe = seated(half, levers).pipe  # type: ignore[attr-defined]
        return {
            name: sum(tensor.nbytes for tensor in getattr(pipe, name).parameters())
            for name in ("text_encoder", "transformer", "vae")
        }

    plain, cast = parts(Levers()), parts(Levers(fp8=True))
    assert cast["text_encoder"] == plain["text_encoder"]
    assert cast["vae"] == plain["vae"]
    # So small a model is half made of what stays in 16 bits; a published one is not.
    assert 0.5 * plain["transformer"] <= cast["transformer"] < 0.95 * plain["transformer"]


def test_fp8_is_used_where_it_must_and_named_in_the_recipe(
    half: Variant, order: ImageRequest, tmp_path: Path
) -> None:
    plain = Engine(device="cpu", root=tmp_path).draw(half, order)
    engine = Engine(device="cpu", root=tmp_path, wishes=FP8)
    needy = replace(half, memory=NEEDY)

    cast = engine.draw(needy, order)

    assert plain.recipe.dtype == "bfloat16"
    assert cast.recipe.dtype == "bfloat16, transformer in float8_e4m3fn"
    assert cast.pixel_sha256 != plain.pixel_sha256
    assert engine.draw(needy, order).pixel_sha256 == cast.pixel_sha256


def test_fp8_keeps_a_startup_lora(
    project: Path, toy: Variant, lightning: Variant, image: Request
) -> None:
    engine = Engine(device="cpu", root=project, wishes=FP8)
    plain, fused = (replace(one, dtype="bfloat16", memory=NEEDY) for one in (toy, lightning))
    fused = replace(fused, scheduler=plain.scheduler)
    pixels = {engine.draw(one, image()).pixel_sha256 for one in (plain, fused)}
    assert len(pixels) == 2


def test_tiles_change_only_pictures_larger_than_a_tile(
    project: Path, toy: Variant, image: Request
) -> None:
    tight = replace(toy, memory=replace(NEEDY, decode=50))
    engine = Engine(device="cpu", root=project)
    tiled = Engine(device="cpu", root=project, wishes=Wishes(limit_gb=3, tiling=Use.IF_NEEDED))
    assert tiled.draw(tight, image()).recipe.mode == "exact, vae in tiles"
    for side, same in ((64, True), (512, False)):
        request = image(width=side, height=side, steps=1)
        pixels = {
            one.draw(variant, request).pixel_sha256
            for one, variant in ((engine, toy), (tiled, tight))
        }
        assert (len(pixels) == 1) is same


def test_another_attention_is_used_and_named(project: Path, toy: Variant, image: Request) -> None:
    engine = Engine(device="cpu", root=project, wishes=Wishes(attention="_native_math"))
    try:
        picture = engine.draw(toy, image())
        blocks = engine._open(toy).pipe.transformer.transformer_blocks  # type: ignore[attr-defined]
        assert blocks[0].attn.processor._attention_backend == "_native_math"
    finally:
        # diffusers keeps the last choice for the whole process.
        seated(toy, Levers(attention="native"))
    assert picture.recipe.mode == "exact, attention _native_math"


@pytest.mark.parametrize("attention", ["no_such_thing", "flash"])
def test_an_attention_that_is_not_to_be_had_is_refused_by_name(
    project: Path, toy: Variant, attention: str
) -> None:
    engine = Engine(device="cpu", root=project, wishes=Wishes(attention=attention))
    with pytest.raises(LeverRefused, match=f"REROLL_ATTENTION={attention}"):
        engine.load(toy)


def test_a_compiled_variant_says_so(project: Path, toy: Variant) -> None:
    engine = Engine(device="cpu", root=project, wishes=Wishes(compiled=True))
    engine.load(toy)
    blocks = engine._open(toy).pipe.transformer.transformer_blocks  # type: ignore[attr-defined]
    # Compiling itself takes a C++ compiler, and happens at the first picture.
    assert all(block._compiled_call_impl is not None for block in blocks)
    assert (engine.levers(toy).mode, engine.rows_given) == ("exact, compiled", 1)


def test_an_offloaded_variant_still_reports_its_steps(half: Variant, order: ImageRequest) -> None:
    seen: list[int] = []

    def watch(index: int, *_: object, **__: object) -> None:
        seen.append(index)

    drawn(seated(half, Levers(offload=Offload.GROUP)), order, watch)
    assert seen == list(range(1, order.steps + 1))
