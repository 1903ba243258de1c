"""Qwen-Image-Edit and the ControlNet: loaded by the engine, and equal to the stock pipelines."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import QwenImageControlNetModel, QwenImageControlNetPipeline
from safetensors.torch import load_file, save_file
from transformers import Qwen2Tokenizer, Qwen2VLImageProcessorPil

from engine import errors
from engine.drawing.picture import Step
from engine.engine import Engine
from engine.families.qwen_edit import PictureWords
from engine.pictures import controls
from engine.pictures.images import pixel_sha256
from engine.request import ImageRequest
from engine.variants.bounds import Accepts
from engine.variants.catalog import Catalog, StartupLora, Variant, Weights
from tests.engine import edit_toys, toys
from tests.engine.edit_toys import Paper, files, paper

Request = Callable[..., ImageRequest]

RED, TALL, SLENDER = paper(97, 61, 1), paper(50, 160, 2), paper(333, 45, 3)
"""Of odd sizes, and one nearly as slender as uploads may be."""


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch, edit_toys.small_looks(patch):
        yield


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine(device="cpu", root=tmp_path_factory.mktemp("engine"))


@pytest.fixture(scope="module", params=[False, True], ids=["2509", "2511"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("edit")
    torch.manual_seed(0)
    edit_toys.qwen_edit(folder, zero_cond_t=request.param)
    return folder


@pytest.fixture(scope="module")
def variant(folder: Path) -> Variant:
    plain = Variant.from_toml("edit", toys.VARIANT.format(weights=folder.as_posix()))
    accepts = Accepts(least_references=1, most_references=3)
    return replace(plain, family="qwen_edit", accepts=accepts)


@pytest.fixture(scope="module")
def stock(folder: Path) -> Any:
    return edit_toys.published_edit(folder)


def asked(image: Request, *papers: Paper, **changes: Any) -> ImageRequest:
    names = tuple(one.name for one in papers)
    return image(**{"variant": "edit", "guidance": 3.0, "references": names, **changes})


def called(stock: Any, request: ImageRequest, *papers: Paper) -> str:
    """Call the stock pipeline as its model card does, and hash the picture."""
    picture = stock(
        image=[one.image for one in papers],
        prompt=request.prompt,
        negative_prompt=request.negative or " ",
        true_cfg_scale=request.guidance,
        width=request.width,
        height=request.height,
        num_inference_steps=request.steps,
        generator=torch.Generator("cpu").manual_seed(request.seed),
    ).images[0]
    return pixel_sha256(picture)


@pytest.mark.parametrize("papers", [[RED], [TALL, RED], [SLENDER, RED, TALL]], ids=len)
def test_an_edit_is_what_the_stock_pipeline_draws(
    own: Engine, variant: Variant, stock: Any, image: Request, papers: list[Paper]
) -> None:
    request = asked(image, *papers, width=80, height=48, negative="dark")
    drawn = own.draw(variant, request, files=files(*papers))
    assert drawn.pixel_sha256 == called(stock, request, *papers)
    assert (drawn.width, drawn.height) == (80, 48)


def test_an_edit_without_guidance_is_what_the_stock_pipeline_draws(
    own: Engine, variant: Variant, stock: Any, image: Request
) -> None:
    request = asked(image, RED, guidance=1.0)
    drawn = own.draw(variant, request, files=files(RED))
    assert drawn.pixel_sha256 == called(stock, request, RED)


def test_an_edit_with_its_text_encoder_apart_is_the_same(
    own: Engine, variant: Variant, image: Request
) -> None:
    request = asked(image, TALL, RED)
    drawn = own.draw(variant, request, files=files(TALL, RED))
    assert drawn.pixel_sha256 == edit_toys.drawn_with_texts_apart(variant, request, TALL, RED)


def test_every_reference_and_their_order_change_the_pixels(
    own: Engine, variant: Variant, image: Request
) -> None:
    orders = [[RED], [TALL], [RED, TALL], [TALL, RED], [RED, TALL, SLENDER], [SLENDER, TALL, RED]]
    drawn = {
        own.draw(variant, asked(image, *papers), files=files(*papers)).pixel_sha256
        for papers in orders
    }
    assert len(drawn) == len(orders)


def test_previews_of_an_edit_change_no_pixel_and_end_at_the_picture(
    own: Engine, variant: Variant, image: Request
) -> None:
    previews: list[str] = []

    def watch(step: Step) -> None:
        assert step.preview is not None
        previews.append(pixel_sha256(edit_toys.opened(step.preview())))

    request, held = asked(image, TALL, height=32), files(TALL)
    plain = own.draw(variant, request, files=held)
    watched = own.draw(variant, request, watch, held)
    assert watched.pixel_sha256 == plain.pixel_sha256
    assert len(set(previews)) == 3
    assert previews[-1] == plain.pixel_sha256


def test_a_cancelled_edit_leaves_the_next_one_exact(
    own: Engine, variant: Variant, image: Request
) -> None:
    exact = own.draw(variant, asked(image, RED), files=files(RED)).pixel_sha256

    def cancel(step: Step) -> None:
        raise errors.GenerationCancelled

    with pytest.raises(errors.GenerationCancelled):
        own.draw(variant, asked(image, TALL, seed=8), cancel, files(TALL))
    assert own.draw(variant, asked(image, RED), files=files(RED)).pixel_sha256 == exact


def test_the_startup_lora_is_fused_and_sampled_as_the_edit_lightning_is(
    own: Engine, variant: Variant, stock: Any, image: Request, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    save_file(toys.toy_lora(stock.transformer), tmp_path / "toy.safetensors")
    shipped = Catalog.load(["qwen-image-edit-2511-lightning-4"]).default
    fused = replace(
        variant,
        lora=StartupLora(source=str(tmp_path), file="toy.safetensors"),
        scheduler=shipped.scheduler,
    )
    request = asked(image, RED, guidance=1.0, steps=4)
    drawn = own.draw(fused, request, files=files(RED))
    assert drawn.recipe.scheduler["max_shift"] == pytest.approx(1.0986122886681098)
    assert drawn.pixel_sha256 != called(stock, request, RED)


def test_words_and_patches_are_read_as_the_published_processor_reads_them(folder: Path) -> None:
    patches = Qwen2VLImageProcessorPil.from_pretrained(folder, subfolder="processor")
    words = Qwen2Tokenizer.from_pretrained(folder, subfolder="processor")
    theirs = edit_toys.published_processor(patches, words)
    ours = PictureWords.from_pretrained(folder, subfolder="processor", local_files_only=True)
    shown = [RED.image, TALL.image, SLENDER.image.resize((224, 56))]
    for count in (1, 2, 3):
        text = "Picture: <|vision_start|><|image_pad|><|vision_end|>" * count + "把它变成 red"
        asked = {"text": [text], "images": shown[:count], "padding": True, "return_tensors": "pt"}
        one, other = ours(**asked), theirs(**asked)
        assert set(one) == set(other)
        assert all(torch.equal(one[name], other[name]) for name in other)


def test_a_processor_without_its_vocabulary_is_refused(
    own: Engine, variant: Variant, folder: Path, tmp_path: Path
) -> None:
    weights = edit_toys.copied(folder, tmp_path / "weights")
    (weights / "processor" / "tokenizer.json").unlink()
    with pytest.raises(errors.WeightsBroken):
        own.load(replace(variant, weights=Weights(source=str(weights))))


@pytest.fixture(scope="module")
def held(project: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Weights of Qwen-Image and of the two models that work beside it."""
    folder = tmp_path_factory.mktemp("control")
    torch.manual_seed(0)
    edit_toys.controlnet(folder / "controlnet")
    edit_toys.depth(folder / "depth")
    return {"plain": project / "weights", **{path.name: path for path in folder.iterdir()}}


@pytest.fixture(params=["canny", "depth"])
def controlled(request: pytest.FixtureRequest, toy: Variant, held: dict[str, Path]) -> Variant:
    accepts = Accepts(least_references=1, most_references=1, control=request.param)
    companions = {name: Weights(source=str(held[name])) for name in ("controlnet", "depth")}
    return replace(toy, name="edit", family="qwen_control", accepts=accepts, companions=companions)


def test_a_controlled_picture_is_what_the_stock_pipeline_draws(
    own: Engine, controlled: Variant, held: dict[str, Path], image: Request
) -> None:
    request = asked(image, TALL, negative="dark", width=48)
    beside = edit_toys.published(QwenImageControlNetModel, held["controlnet"])
    stock = edit_toys.published(QwenImageControlNetPipeline, held["plain"], controlnet=beside)
    edit_toys.with_our_products(stock)
    shown = controls.fitted(TALL.image, request.width, request.height)
    expected = stock(
        control_image=edit_toys.taken(controlled.accepts.control, held["depth"], shown),
        prompt=request.prompt,
        negative_prompt=request.negative,
        true_cfg_scale=request.guidance,
        width=request.width,
        height=request.height,
        num_inference_steps=request.steps,
        generator=torch.Generator("cpu").manual_seed(request.seed),
    ).images[0]
    previews: list[bool] = []
    drawn = own.draw(
        controlled, request, lambda step: previews.append(step.preview is not None), files(TALL)
    )
    assert drawn.pixel_sha256 == pixel_sha256(expected)
    # The seed's first numbers are spent on the control picture: the noise is not foretold.
    assert previews == [False, True, True]


def test_a_control_follows_its_reference_and_its_weights(
    own: Engine, controlled: Variant, held: dict[str, Path], image: Request
) -> None:
    one, other = (
        own.draw(controlled, asked(image, each), files=files(each)) for each in (RED, SLENDER)
    )
    assert one.pixel_sha256 != other.pixel_sha256
    plain = replace(controlled, family="qwen_image")
    unheld = own.draw(plain, asked(image, RED), files=files(RED))
    assert unheld.recipe.weights_digest != one.recipe.weights_digest
    assert one.pixel_sha256 != unheld.pixel_sha256


def test_a_controlnet_with_a_hole_is_refused(
    own: Engine, controlled: Variant, held: dict[str, Path], tmp_path: Path
) -> None:
    broken = edit_toys.copied(held["controlnet"], tmp_path / "broken")
    file = broken / "diffusion_pytorch_model.safetensors"
    tensors = load_file(file)
    tensors.pop("controlnet_blocks.0.weight")
    save_file(tensors, file, {"format": "pt"})
    companions = {**controlled.companions, "controlnet": Weights(source=str(broken))}
    with pytest.raises(errors.WeightsBroken) as failure:
        own.load(replace(controlled, companions=companions))
    assert "missing_keys" in str(failure.value.__cause__)
