"""FLUX.2 with pictures to look at and a part to paint over: equal to the stock pipelines."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import Flux2KleinInpaintPipeline, Flux2KleinPipeline, Flux2Pipeline
from PIL import Image, ImageOps

from engine import errors
from engine.engine import Engine
from engine.pictures.images import pixel_sha256
from engine.pictures.inputs import Inputs
from engine.request import GenerationRequest, ImageRequest
from engine.variants.bounds import Accepts, Guidance
from engine.variants.catalog import Catalog, Variant
from tests.engine import edit_toys, stock_toys, toys
from tests.engine.edit_toys import Paper, files, hole, paper

Request = Callable[..., ImageRequest]

WIDE, TALL, SMALL = paper(97, 70, 1), paper(70, 160, 2), paper(40, 60, 3)
CANVAS, HOLE = paper(64, 48, 4), hole(64, 48)
NONE = Guidance(kind="none")
EMBEDDED = Guidance(kind="embedded", default=3.5, least=1.0, most=10.0)
TRUE_CFG = Guidance(kind="true_cfg", default=4.0, least=1.0, most=10.0)
CASES: dict[str, tuple[Any, Any, Guidance]] = {
    "klein": (lambda _: stock_toys.flux2_klein(distilled=True), Flux2KleinPipeline, NONE),
    "klein-base": (lambda _: stock_toys.flux2_klein(distilled=False), Flux2KleinPipeline, TRUE_CFG),
    "dev": (stock_toys.flux2_dev, Flux2Pipeline, EMBEDDED),
}


@dataclass(frozen=True)
class Toy:
    """Weights on disk, the variant that names them, and the stock pipeline that reads them."""

    variant: Variant
    kind: Any
    folder: Path

    def called(self, request: ImageRequest, kind: Any = None, **pictures: Any) -> Image.Image:
        """Call a stock pipeline as its documentation does."""
        stock = edit_toys.published(kind or self.kind, self.folder)
        drawn: Image.Image = edit_toys.with_our_products(stock)(
            prompt=request.prompt,
            num_inference_steps=request.steps,
            guidance_scale=request.guidance,
            generator=torch.Generator("cpu").manual_seed(request.seed),
            **pictures,
        ).images[0]
        return drawn


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine(device="cpu", root=tmp_path_factory.mktemp("engine"))


@pytest.fixture(scope="module", params=CASES)
def toy(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    patch: pytest.MonkeyPatch,
) -> Toy:
    make, kind, guidance = CASES[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    torch.manual_seed(0)
    make(patch).save_pretrained(folder)
    plain = Variant.from_toml(request.param, toys.VARIANT.format(weights=folder.as_posix()))
    variant = replace(
        plain,
        family="flux2",
        guidance=guidance,
        negative=guidance is TRUE_CFG,
        accepts=Accepts(most_references=4, mask=True),
    )
    return Toy(variant, kind, folder)


@pytest.fixture
def order(toy: Toy, image: Request) -> Request:
    def make(*references: Paper, **changes: Any) -> ImageRequest:
        given = {"guidance": toy.variant.guidance.default, "width": 64, "height": 48}
        named = tuple(one.name for one in references)
        return image(**{"variant": toy.variant.name, **given, "references": named, **changes})

    return make


@pytest.mark.parametrize("papers", [(WIDE,), (TALL, WIDE), (WIDE, TALL, WIDE)], ids=len)
def test_references_are_looked_at_as_the_stock_pipeline_does(
    engine: Engine, toy: Toy, order: Request, papers: tuple[Paper, ...]
) -> None:
    request = order(*papers, width=80)
    drawn = engine.draw(toy.variant, request, files=files(*papers))
    shown = [one.image for one in papers]
    assert drawn.pixel_sha256 == pixel_sha256(toy.called(request, image=shown, width=80, height=48))


def test_references_and_their_order_change_the_pixels(
    engine: Engine, toy: Toy, order: Request
) -> None:
    held = files(WIDE, TALL)
    orders = [order(), order(WIDE), order(TALL), order(WIDE, TALL), order(TALL, WIDE)]
    drawn = {engine.draw(toy.variant, one, files=held).pixel_sha256 for one in orders}
    assert len(drawn) == len(orders)


def test_a_reference_smaller_than_the_pipeline_takes_is_enlarged(
    engine: Engine, toy: Toy, order: Request
) -> None:
    request = order(SMALL)
    drawn = engine.draw(toy.variant, request, files=files(SMALL))
    shown = SMALL.image.resize((64, 96), Image.Resampling.LANCZOS)
    assert drawn.pixel_sha256 == pixel_sha256(
        toy.called(request, image=[shown], width=64, height=48)
    )


def test_previews_with_a_reference_end_at_the_picture(
    engine: Engine, toy: Toy, order: Request
) -> None:
    previews: list[str] = []
    drawn = engine.draw(
        toy.variant,
        order(WIDE),
        lambda step: previews.append(pixel_sha256(edit_toys.opened(step.preview()))),
        files(WIDE),
    )
    assert len(set(previews)) == 3
    assert previews[-1] == drawn.pixel_sha256


@pytest.mark.parametrize("strength", [0.5, 1.0])
@pytest.mark.parametrize("shown", [(), (WIDE,), (WIDE, TALL)], ids=len)
@pytest.mark.parametrize("toy", ["klein", "klein-base"], indirect=True)
def test_a_part_is_painted_as_the_stock_pipeline_does(
    engine: Engine, toy: Toy, order: Request, shown: tuple[Paper, ...], strength: float
) -> None:
    request = order(*shown, canvas=CANVAS.name, mask=HOLE.name, strength=strength)
    drawn = engine.draw(toy.variant, request, files=files(CANVAS, HOLE, *shown))
    pictures: dict[str, Any] = {"image": CANVAS.image, "mask_image": HOLE.image}
    if shown:
        # Of one shape: the pipeline would cut the second to the first's.
        padded = [ImageOps.pad(one.image, shown[0].image.size, color="white") for one in shown]
        pictures["image_reference"] = padded
    stock = toy.called(
        request, Flux2KleinInpaintPipeline, strength=strength, width=64, height=48, **pictures
    )
    kept = Inputs(canvas=CANVAS.image, mask=HOLE.image)
    assert drawn.pixel_sha256 == pixel_sha256(kept.finished(stock))


@pytest.mark.parametrize("toy", ["klein"], indirect=True)
def test_what_is_distilled_stays_unguided_when_a_part_is_painted(
    engine: Engine, toy: Toy, order: Request
) -> None:
    orders = [
        order(canvas=CANVAS.name, mask=HOLE.name, guidance=guidance) for guidance in (1.0, 4.0)
    ]
    one, other = (
        engine.draw(toy.variant, request, files=files(CANVAS, HOLE)) for request in orders
    )
    assert one.pixel_sha256 == other.pixel_sha256


@pytest.mark.parametrize("toy", ["klein"], indirect=True)
def test_a_part_of_a_canvas_that_the_pipeline_shrinks_comes_out_in_the_size_asked_for(
    engine: Engine, toy: Toy, order: Request
) -> None:
    canvas, mask = paper(1280, 960, 5), hole(1280, 960)
    request = order(
        width=1280, height=960, steps=1, canvas=canvas.name, mask=mask.name, strength=1.0
    )
    drawn = engine.draw(toy.variant, request, files=files(canvas, mask))
    picture = edit_toys.opened(drawn.png).convert("RGB")
    assert picture.size == (1280, 960)
    assert picture.crop((0, 0, 640, 960)).tobytes() == (
        canvas.image.crop((0, 0, 640, 960)).tobytes()
    )
    assert picture.tobytes() != canvas.image.tobytes()


@pytest.mark.parametrize("name", ["flux2-klein-4b", "flux2-klein-9b", "flux2-dev"])
def test_the_shipped_variants_take_what_the_pipelines_can(name: str) -> None:
    variant = Catalog.load([name]).default
    plain = GenerationRequest(
        variant=name,
        prompt="a cat",
        negative="",
        width=1024,
        height=1024,
        steps=variant.steps.default,
        guidance=variant.guidance.default,
        seeds=(1,),
    )
    most = variant.accepts.most_references
    variant.check(replace(plain, references=("a",) * most))
    with pytest.raises(errors.PicturesTooMany):
        variant.check(replace(plain, references=("a",) * (most + 1)))
    with pytest.raises(errors.CanvasUnsupported):
        variant.check(replace(plain, canvas="a"))
    masked = replace(plain, canvas="a", mask="b")
    if name == "flux2-dev":
        with pytest.raises(errors.CanvasUnsupported):
            variant.check(masked)
    else:
        variant.check(masked)
