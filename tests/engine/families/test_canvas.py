"""Painting over a picture, whole or in part: the same as stock diffusers does."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    FluxImg2ImgPipeline,
    FluxInpaintPipeline,
    QwenImageImg2ImgPipeline,
    QwenImageInpaintPipeline,
    ZImageImg2ImgPipeline,
    ZImageInpaintPipeline,
)

from engine import errors
from engine.drawing.picture import Step
from engine.engine import Engine
from engine.pictures.images import pixel_sha256
from engine.pictures.inputs import Inputs
from engine.request import ImageRequest
from engine.variants.bounds import Accepts, Guidance
from engine.variants.catalog import Variant
from tests.engine import edit_toys, stock_toys, toys
from tests.engine.edit_toys import Paper, files, hole, paper

Request = Callable[..., ImageRequest]

CANVAS, HOLE = paper(64, 48, 3), hole(64, 48)


@dataclass(frozen=True)
class Case:
    """A family, its toy, and the stock pipelines for a canvas without and with a mask."""

    family: str
    make: Callable[[], Any]
    stock: tuple[Any, Any]
    guidance: Guidance
    call: Callable[[ImageRequest], dict[str, Any]]


CASES = {
    "qwen-image": Case(
        "qwen_image",
        toys.toy_pipeline,
        (QwenImageImg2ImgPipeline, QwenImageInpaintPipeline),
        Guidance(kind="true_cfg", default=3.0, least=1.0, most=8.0),
        lambda request: {"negative_prompt": " ", "true_cfg_scale": request.guidance},
    ),
    "flux1-dev": Case(
        "flux1",
        lambda: stock_toys.flux1(guided=True),
        (FluxImg2ImgPipeline, FluxInpaintPipeline),
        Guidance(kind="embedded", default=3.0, least=1.0, most=8.0),
        lambda request: {"guidance_scale": request.guidance},
    ),
    "flux1-schnell": Case(
        "flux1",
        lambda: stock_toys.flux1(guided=False),
        (FluxImg2ImgPipeline, FluxInpaintPipeline),
        Guidance(kind="none"),
        lambda request: {"max_sequence_length": 256},
    ),
    "z-image": Case(
        "z_image",
        stock_toys.z_image,
        (ZImageImg2ImgPipeline, ZImageInpaintPipeline),
        Guidance(kind="true_cfg", default=3.0, least=1.0, most=8.0),
        lambda request: {"guidance_scale": request.guidance, "negative_prompt": ""},
    ),
    "z-image-turbo": Case(
        "z_image",
        stock_toys.z_image,
        (ZImageImg2ImgPipeline, ZImageInpaintPipeline),
        Guidance(kind="none"),
        lambda request: {"guidance_scale": 0.0},
    ),
}


@dataclass(frozen=True)
class Toy:
    """Weights on disk and the variant that names them."""

    case: Case
    variant: Variant
    folder: Path

    def called(
        self, request: ImageRequest, canvas: Paper, mask: Paper | None, **loading: Any
    ) -> str:
        """Call the stock pipeline as its documentation does, and hash the picture."""
        whole, part = self.case.stock
        pictures = {"image": canvas.image, "strength": request.strength}
        pictures |= {"mask_image": mask.image} if mask else {}
        stock = edit_toys.published(part if mask else whole, self.folder, **loading)
        drawn = edit_toys.with_our_products(stock)(
            prompt=request.prompt,
            width=request.width,
            height=request.height,
            num_inference_steps=request.steps,
            generator=torch.Generator("cpu").manual_seed(request.seed),
            **self.case.call(request),
            **pictures,
        ).images[0]
        kept = Inputs(canvas=canvas.image, mask=mask.image if mask else None)
        return pixel_sha256(kept.finished(drawn))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine(device="cpu", root=tmp_path_factory.mktemp("engine"))


@pytest.fixture(scope="module", params=CASES)
def toy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    case, folder = CASES[request.param], tmp_path_factory.mktemp(request.param)
    torch.manual_seed(0)
    case.make().save_pretrained(folder)
    plain = Variant.from_toml(request.param, toys.VARIANT.format(weights=folder.as_posix()))
    variant = replace(
        plain,
        family=case.family,
        guidance=case.guidance,
        negative=case.guidance.kind == "true_cfg",
        accepts=Accepts(canvas=True, mask=True),
    )
    return Toy(case, variant, folder)


@pytest.fixture
def order(toy: Toy, image: Request) -> Request:
    def make(**changes: Any) -> ImageRequest:
        guidance = toy.case.guidance.default
        given = {"width": 64, "height": 48, "steps": 6, "guidance": guidance}
        return image(**{"variant": toy.variant.name, **given, "canvas": CANVAS.name, **changes})

    return make


@pytest.mark.parametrize("strength", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("mask", [None, HOLE], ids=["whole", "part"])
def test_a_painted_canvas_is_what_the_stock_pipeline_draws(
    engine: Engine, toy: Toy, order: Request, mask: Paper | None, strength: float
) -> None:
    request = order(strength=strength, mask=mask.name if mask else "")
    drawn = engine.draw(toy.variant, request, files=files(CANVAS, HOLE))
    assert drawn.pixel_sha256 == toy.called(request, CANVAS, mask)


@pytest.mark.parametrize("mask", [None, HOLE], ids=["whole", "part"])
@pytest.mark.parametrize("toy", ["z-image-turbo"], indirect=True)
def test_a_canvas_painted_in_half_precision_is_what_the_stock_pipeline_draws(
    engine: Engine, toy: Toy, order: Request, mask: Paper | None
) -> None:
    request = order(strength=0.5, mask=mask.name if mask else "")
    half = replace(toy.variant, dtype="bfloat16")
    drawn = engine.draw(half, request, files=files(CANVAS, HOLE))
    assert drawn.pixel_sha256 == toy.called(request, CANVAS, mask, dtype=torch.bfloat16)


def test_strength_canvas_and_mask_change_the_pixels(
    engine: Engine, toy: Toy, order: Request
) -> None:
    other = paper(64, 48, 4)
    requests = [
        order(strength=0.5),
        order(strength=0.8),
        order(strength=0.5, canvas=other.name),
        order(strength=0.5, mask=HOLE.name),
        order(strength=0.5, seed=8),
    ]
    held = files(CANVAS, HOLE, other)
    drawn = {engine.draw(toy.variant, one, files=held).pixel_sha256 for one in requests}
    assert len(drawn) == len(requests)


def test_what_the_mask_keeps_is_the_canvas_to_the_last_pixel(
    engine: Engine, toy: Toy, order: Request
) -> None:
    drawn = engine.draw(toy.variant, order(mask=HOLE.name), files=files(CANVAS, HOLE))
    shown = np.asarray(edit_toys.opened(drawn.png).convert("RGB"))
    canvas = np.asarray(CANVAS.image)
    assert (shown[:, :32] == canvas[:, :32]).all()
    assert (shown[:, 40:] != canvas[:, 40:]).any()


def test_steps_are_counted_from_where_the_strength_starts(
    engine: Engine, toy: Toy, order: Request
) -> None:
    seen: list[tuple[int, int, bool]] = []
    engine.draw(
        toy.variant,
        order(strength=0.5),
        lambda step: seen.append((step.index, step.total, step.preview is not None)),
        files(CANVAS),
    )
    # The canvas with its noise is not reported, so the first step shows nothing.
    assert seen == [(1, 3, False), (2, 3, True), (3, 3, True)]


def test_the_last_preview_is_the_picture_and_a_cancelled_one_leaves_it_exact(
    engine: Engine, toy: Toy, order: Request
) -> None:
    previews: list[str] = []

    def watch(step: Step) -> None:
        if step.preview:
            previews.append(pixel_sha256(edit_toys.opened(step.preview())))

    def cancel(step: Step) -> None:
        if step.index == 2:
            raise errors.GenerationCancelled

    plain = engine.draw(toy.variant, order(strength=0.5), files=files(CANVAS))
    with pytest.raises(errors.GenerationCancelled):
        engine.draw(toy.variant, order(mask=HOLE.name), cancel, files(CANVAS, HOLE))
    watched = engine.draw(toy.variant, order(strength=0.5), watch, files(CANVAS))
    assert watched.pixel_sha256 == plain.pixel_sha256 == previews[-1]
