"""FLUX.1, FLUX.2 and Z-Image: saved, loaded by the engine, and equal to the stock pipelines."""

import io
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import Flux2KleinPipeline, Flux2Pipeline, FluxPipeline, ZImagePipeline
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import Qwen3ForCausalLM

from engine import errors
from engine.drawing.picture import Step
from engine.engine import Engine
from engine.pictures.images import pixel_sha256
from engine.request import ImageRequest
from engine.variants.bounds import Guidance
from engine.variants.catalog import StartupLora, Variant, Weights
from tests.engine import edit_toys, stock_toys, toys

Request = Callable[..., ImageRequest]
ORDERS = (
    {"prompt": "a red panda", "width": 64, "height": 64},
    {"prompt": "a blue panda!", "width": 48, "height": 112},
    {"prompt": "熊", "width": 96, "height": 48},
    {"prompt": "a panda, " * 12, "width": 112, "height": 80},
)
"""Texts of other and of odd lengths, the last longer than CLIP reads, and several sizes."""
LONG = 3000
"""Signs, and at least as many tokens: more than any of these pipelines reads."""


@dataclass(frozen=True)
class Case:
    """One kind of weights, and what a call of its stock pipeline takes for a request."""

    family: str
    make: Callable[[pytest.MonkeyPatch], Any]
    stock: Any
    guidance: Guidance
    call: Callable[[ImageRequest], Mapping[str, Any]]
    lora: tuple[str, ...] = ("to_q", "to_k", "to_v")


NONE = Guidance(kind="none")
EMBEDDED = Guidance(kind="embedded", default=3.5, least=1.0, most=10.0)
TRUE_CFG = Guidance(kind="true_cfg", default=4.0, least=1.0, most=10.0)

CASES = {
    "flux1-schnell": Case(
        "flux1",
        lambda _: stock_toys.flux1(guided=False),
        FluxPipeline,
        NONE,
        lambda _: {"max_sequence_length": 256},
    ),
    "flux1-dev": Case(
        "flux1",
        lambda _: stock_toys.flux1(guided=True),
        FluxPipeline,
        EMBEDDED,
        lambda request: {"guidance_scale": request.guidance, "max_sequence_length": 512},
    ),
    "flux2-klein": Case(
        "flux2",
        lambda _: stock_toys.flux2_klein(distilled=True),
        Flux2KleinPipeline,
        NONE,
        lambda _: {"guidance_scale": 1.0},
    ),
    "flux2-klein-base": Case(
        "flux2",
        lambda _: stock_toys.flux2_klein(distilled=False),
        Flux2KleinPipeline,
        TRUE_CFG,
        lambda request: {"guidance_scale": request.guidance},
    ),
    "flux2-dev": Case(
        "flux2",
        stock_toys.flux2_dev,
        Flux2Pipeline,
        EMBEDDED,
        lambda request: {"guidance_scale": request.guidance},
    ),
    "z-image-turbo": Case(
        "z_image", lambda _: stock_toys.z_image(), ZImagePipeline, NONE, lambda _: UNGUIDED
    ),
    "z-image": Case(
        "z_image",
        lambda _: stock_toys.z_image(),
        ZImagePipeline,
        TRUE_CFG,
        lambda request: {
            "guidance_scale": request.guidance,
            "negative_prompt": request.negative,
        },
    ),
}
UNGUIDED = {"guidance_scale": 0.0}
GUIDED = [name for name, case in CASES.items() if case.guidance is not NONE]
WRONG_KINDS = {
    "flux1-schnell": "embedded",
    "flux1-dev": "none",
    "flux2-klein": "true_cfg",
    "flux2-klein-base": "none",
    "flux2-dev": "true_cfg",
    "z-image": "embedded",
}


@dataclass(frozen=True)
class Toy:
    """Weights on disk, the variant that names them, and the stock pipeline that reads it."""

    case: Case
    variant: Variant
    pipeline: Any
    folder: Path


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine(device="cpu", root=tmp_path_factory.mktemp("engine"))


@pytest.fixture(scope="module", params=CASES)
def toy(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    patch: pytest.MonkeyPatch,
) -> Toy:
    case = CASES[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    torch.manual_seed(0)
    case.make(patch).save_pretrained(folder)
    pipeline = stock(case, folder)
    plain = Variant.from_toml(request.param, toys.VARIANT.format(weights=folder.as_posix()))
    variant = replace(
        plain,
        family=case.family,
        guidance=case.guidance,
        negative=case.guidance.kind == "true_cfg",
    )
    return Toy(case, variant, pipeline, folder)


@pytest.fixture
def order(toy: Toy, image: Request) -> Request:
    def make(**changes: Any) -> ImageRequest:
        return image(variant=toy.variant.name, **{"guidance": toy.case.guidance.default, **changes})

    return make


def stock(case: Case, folder: Path, **options: Any) -> Any:
    """Load weights as diffusers' documentation does."""
    pipeline = case.stock.from_pretrained(folder, local_files_only=True, **options)
    pipeline.set_progress_bar_config(disable=True)
    return edit_toys.with_our_products(pipeline)


def called(pipeline: Any, toy: Toy, request: ImageRequest) -> str:
    """Call a stock pipeline as its documentation does, and hash the picture."""
    picture = pipeline(
        prompt=request.prompt,
        width=request.width,
        height=request.height,
        num_inference_steps=request.steps,
        generator=torch.Generator("cpu").manual_seed(request.seed),
        **toy.case.call(request),
    ).images[0]
    return pixel_sha256(picture)


def opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png))


@pytest.mark.parametrize("changes", ORDERS, ids=range(len(ORDERS)))
def test_a_picture_is_what_the_stock_pipeline_draws(
    engine: Engine, toy: Toy, order: Request, changes: dict[str, Any]
) -> None:
    request = order(**changes)
    assert engine.draw(toy.variant, request).pixel_sha256 == called(toy.pipeline, toy, request)


@pytest.mark.parametrize("guidance", [1.5, 7.0])
@pytest.mark.parametrize("toy", GUIDED, indirect=True)
def test_both_kinds_of_guidance_are_what_the_stock_pipeline_makes_of_them(
    engine: Engine, toy: Toy, order: Request, guidance: float
) -> None:
    request = order(guidance=guidance, steps=4, seed=11)
    assert engine.draw(toy.variant, request).pixel_sha256 == called(toy.pipeline, toy, request)


def test_half_precision_is_what_the_stock_pipeline_draws_in_it(
    engine: Engine, toy: Toy, order: Request
) -> None:
    request = order(prompt="a blue panda", width=48)
    loaded = stock(toy.case, toy.folder, dtype=torch.bfloat16)
    half = replace(toy.variant, dtype="bfloat16")
    previews: list[bytes] = []

    watched = engine.draw(half, request, lambda step: previews.append(step.preview()))

    assert watched.pixel_sha256 == called(loaded, toy, request)
    assert pixel_sha256(opened(previews[-1])) == watched.pixel_sha256
    assert watched.recipe.dtype == "bfloat16"


def test_every_part_of_a_request_changes_the_pixels(
    engine: Engine, toy: Toy, order: Request
) -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"seed": 8},
        {"prompt": "a blue panda"},
        {"steps": 4},
        {"width": 80},
    ]
    if toy.variant.guidance.is_choice:
        changes += [{"guidance": 2.0}, {"guidance": 9.0}]
    if toy.variant.negative:
        changes += [{"negative": "blue"}, {"guidance": 1.0}]
    hashes = {engine.draw(toy.variant, order(**change)).pixel_sha256 for change in changes}
    assert len(hashes) == len(changes)


def test_previews_change_no_pixel_and_end_at_the_picture(
    engine: Engine, toy: Toy, order: Request
) -> None:
    previews: list[bytes] = []

    def watch(step: Step) -> None:
        previews.append(step.preview())

    plain = engine.draw(toy.variant, order(height=48))
    random_state = torch.get_rng_state()
    watched = engine.draw(toy.variant, order(height=48), watch)

    assert watched.pixel_sha256 == plain.pixel_sha256
    assert torch.equal(torch.get_rng_state(), random_state)
    hashes = [pixel_sha256(opened(png)) for png in previews]
    assert len(set(hashes)) == 3
    assert hashes[-1] == plain.pixel_sha256


def test_a_preview_of_a_large_picture_is_small_and_keeps_its_shape(
    engine: Engine, toy: Toy, order: Request
) -> None:
    sizes: list[tuple[int, int]] = []
    engine.draw(
        toy.variant,
        order(width=256, height=128, steps=1),
        lambda step: sizes.append(opened(step.preview()).size),
    )
    assert sizes == [(128, 64)]


def test_a_cancelled_picture_leaves_the_next_one_exact(
    engine: Engine, toy: Toy, order: Request
) -> None:
    exact = engine.draw(toy.variant, order()).pixel_sha256

    def cancel(step: Step) -> None:
        if step.index == 2:
            raise errors.GenerationCancelled

    with pytest.raises(errors.GenerationCancelled):
        engine.draw(toy.variant, order(seed=8), cancel)
    assert engine.draw(toy.variant, order()).pixel_sha256 == exact


def test_the_longest_text_is_drawn_and_a_longer_one_refused(
    engine: Engine, toy: Toy, order: Request
) -> None:
    with pytest.raises(errors.PromptTooLong) as failure:
        engine.draw(toy.variant, order(prompt="x" * LONG))

    limit = int(failure.value.params["limit"])
    whole = engine.draw(toy.variant, order(prompt="x" * (limit - 1) + "y"))
    other = engine.draw(toy.variant, order(prompt="x" * limit))
    # The last sign counts, so nothing of the text was cut off.
    assert whole.pixel_sha256 != other.pixel_sha256
    with pytest.raises(errors.PromptTooLong):
        engine.draw(toy.variant, order(prompt="x" * (limit + 1)))


def test_words_that_a_pipeline_leaves_out_are_in_no_log(
    engine: Engine, toy: Toy, order: Request, caplog: pytest.LogCaptureFixture
) -> None:
    engine.draw(toy.variant, order(prompt="a secret panda, " * 8))
    assert "secret" not in caplog.text


def test_a_size_the_pipeline_would_round_is_refused(
    engine: Engine, toy: Toy, order: Request
) -> None:
    with pytest.raises(errors.SizeUnsupported):
        engine.draw(toy.variant, order(width=72))


def test_a_startup_lora_is_fused_once_and_whole(
    engine: Engine, toy: Toy, order: Request, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    tensors = stock_toys.lora(toy.pipeline.transformer, *toy.case.lora)
    save_file(tensors, tmp_path / "toy.safetensors")
    lora = StartupLora(source=str(tmp_path), file="toy.safetensors")
    fused = replace(toy.variant, lora=lora)
    transformer = toy.pipeline.transformer
    plain = {name: weight.clone() for name, weight in transformer.state_dict().items()}

    for name, weight in transformer.named_parameters():
        module = f"transformer.{name.removesuffix('.weight')}"
        if f"{module}.lora_B.weight" in tensors:
            up, down = (tensors[f"{module}.lora_{part}.weight"] for part in "BA")
            with torch.no_grad():
                weight += up @ down
    by_hand = called(toy.pipeline, toy, order())
    transformer.load_state_dict(plain)

    picture = engine.draw(fused, order())
    assert picture.pixel_sha256 == by_hand
    assert picture.pixel_sha256 != engine.draw(toy.variant, order()).pixel_sha256


@pytest.mark.parametrize("part", ["text_encoder", "transformer", "vae"])
def test_weights_with_a_hole_are_refused(
    engine: Engine, toy: Toy, tmp_path: Path, part: str
) -> None:
    shutil.copytree(toy.folder, tmp_path / "weights")
    file = next((tmp_path / "weights" / part).glob("*.safetensors"))
    tensors = load_file(file)
    # A matrix from the middle: those at the ends may be tied to others.
    matrices = sorted(name for name, tensor in tensors.items() if tensor.dim() > 1)
    tensors.pop(matrices[len(matrices) // 2])
    save_file(tensors, file, {"format": "pt"})
    with pytest.raises(errors.WeightsBroken) as failure:
        engine.load(replace(toy.variant, weights=Weights(source=str(tmp_path / "weights"))))
    assert "missing_keys" in str(failure.value.__cause__)


@pytest.mark.parametrize(("toy", "kind"), WRONG_KINDS.items(), indirect=["toy"])
def test_a_kind_of_guidance_that_the_weights_do_not_know_is_refused(
    toy: Toy, tmp_path: Path, kind: str
) -> None:
    variant = replace(toy.variant, guidance=Guidance(kind=kind), negative=False)
    with pytest.raises(errors.WeightsBroken) as failure:
        Engine(device="cpu", root=tmp_path).load(variant)
    assert kind in str(failure.value.__cause__)


@pytest.mark.parametrize("toy", ["flux1-dev", "flux2-klein", "z-image-turbo"], indirect=True)
def test_a_negative_prompt_without_true_guidance_is_refused(toy: Toy, tmp_path: Path) -> None:
    with pytest.raises(errors.WeightsBroken) as failure:
        Engine(device="cpu", root=tmp_path).load(replace(toy.variant, negative=True))
    assert "negative prompt" in str(failure.value.__cause__)


def test_weights_of_another_family_are_refused(engine: Engine, toy: Toy) -> None:
    with pytest.raises(errors.WeightsBroken) as failure:
        engine.load(replace(toy.variant, family="qwen_image"))
    assert type(toy.pipeline).__name__ in str(failure.value.__cause__)


@pytest.mark.parametrize("toy", ["z-image-turbo"], indirect=True)
def test_a_text_encoder_published_with_its_head_is_read_without_it(
    engine: Engine, toy: Toy, order: Request, tmp_path: Path
) -> None:
    shutil.copytree(toy.folder, tmp_path / "weights")
    whole = Qwen3ForCausalLM(toy.pipeline.text_encoder.config)
    whole.model.load_state_dict(toy.pipeline.text_encoder.state_dict())
    shutil.rmtree(tmp_path / "weights" / "text_encoder")
    whole.save_pretrained(tmp_path / "weights" / "text_encoder")

    published = replace(toy.variant, weights=Weights(source=str(tmp_path / "weights")))
    drawn = engine.draw(published, order())
    assert drawn.pixel_sha256 == engine.draw(toy.variant, order()).pixel_sha256


@pytest.mark.parametrize("toy", ["flux2-dev"], indirect=True)
def test_a_template_without_a_first_token_is_refused(
    engine: Engine, toy: Toy, tmp_path: Path
) -> None:
    shutil.copytree(toy.folder, tmp_path / "weights")
    template = tmp_path / "weights" / "tokenizer" / "chat_template.jinja"
    template.write_text(template.read_text().replace("{{- bos_token }}", ""))
    with pytest.raises(errors.WeightsBroken) as failure:
        engine.load(replace(toy.variant, weights=Weights(source=str(tmp_path / "weights"))))
    assert "first token" in str(failure.value.__cause__)
