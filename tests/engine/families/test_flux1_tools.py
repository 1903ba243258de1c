"""FLUX.1's tools: loaded by the engine, and equal to the stock pipelines."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import FluxPipeline, FluxPriorReduxPipeline

from engine import errors
from engine.drawing.picture import Step
from engine.engine import Engine
from engine.families.seating import weight
from engine.families.stock import StockFamily
from engine.family import open_local
from engine.pictures import controls
from engine.pictures.images import pixel_sha256
from engine.pictures.inputs import Inputs
from engine.request import ImageRequest
from engine.variants.bounds import Accepts, Guidance
from engine.variants.catalog import Variant, Weights
from engine.weights.finding import Place
from tests.engine import edit_toys, stock_toys, toys
from tests.engine.edit_toys import FLUX1_TOOLS, Paper, files, hole, paper

Request = Callable[..., ImageRequest]

WIDE, TALL = paper(97, 61, 1), paper(50, 160, 2)
CANVAS, HOLE = paper(64, 48, 3), hole(64, 48)
GUIDANCE = Guidance(kind="embedded", default=2.5, least=1.0, most=100.0)


@dataclass(frozen=True)
class Toy:
    """One tool's weights on disk, its variant, and the two stock calls that it stands for."""

    name: str
    variant: Variant
    held: Path

    def called(self, request: ImageRequest, *papers: Paper) -> str:
        """Call the stock pipelines as their documentation does, and hash the picture."""
        call = {
            "width": request.width,
            "height": request.height,
            "num_inference_steps": request.steps,
            "guidance_scale": request.guidance,
            "generator": torch.Generator("cpu").manual_seed(request.seed),
        }
        drawn = getattr(self, f"_{self.name}")({**call}, request, *papers).images[0]
        if request.mask:
            canvas, mask = (one.image for one in papers)
            drawn = Inputs(canvas=canvas, mask=mask).finished(drawn)
        return pixel_sha256(drawn)

    def _stock(self) -> Any:
        stock = edit_toys.published(FLUX1_TOOLS[self.name][0], self.held / self.name)
        return edit_toys.with_our_products(stock)

    def _kontext(self, call: dict[str, Any], request: ImageRequest, shown: Paper) -> Any:
        area = request.width * request.height
        return self._stock()(image=shown.image, prompt=request.prompt, max_area=area, **call)

    def _fill(self, call: dict[str, Any], request: ImageRequest, *papers: Paper) -> Any:
        canvas, mask = (one.image for one in papers)
        strength = request.strength
        return self._stock()(
            image=canvas, mask_image=mask, prompt=request.prompt, strength=strength, **call
        )

    def _control(self, call: dict[str, Any], request: ImageRequest, shown: Paper) -> Any:
        fitted = controls.fitted(shown.image, request.width, request.height)
        taken = edit_toys.taken(self.variant.accepts.control, self.held / "depth", fitted)
        return self._stock()(control_image=taken, prompt=request.prompt, **call)

    def _redux(self, call: dict[str, Any], request: ImageRequest, shown: Paper) -> Any:
        plain = edit_toys.with_our_products(edit_toys.published(FluxPipeline, self.held / "plain"))
        words = ("text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2")
        prior = edit_toys.published(
            FluxPriorReduxPipeline,
            self.held / "redux",
            **{name: plain.components[name] for name in words},
        )
        return plain(**prior(image=shown.image, prompt=request.prompt), **call)


LOOKS = Accepts(least_references=1, most_references=1)
PAINTS = Accepts(canvas=True, mask=True, needs_mask=True)
ACCEPTS = {
    "kontext": LOOKS,
    "fill": PAINTS,
    "canny": replace(LOOKS, control="canny"),
    "depth": replace(LOOKS, control="depth"),
    "redux": LOOKS,
}


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch, edit_toys.small_looks(patch):
        yield


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine(device="cpu", root=tmp_path_factory.mktemp("engine"))


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tools")
    torch.manual_seed(0)
    for name in FLUX1_TOOLS:
        edit_toys.flux1_tool(folder / name, name)
    stock_toys.flux1(guided=True).save_pretrained(folder / "plain")
    edit_toys.redux(folder / "redux")
    edit_toys.depth(folder / "depth")
    return folder


@pytest.fixture(scope="module", params=ACCEPTS)
def toy(request: pytest.FixtureRequest, held: Path) -> Toy:
    accepts = ACCEPTS[request.param]
    name = "control" if accepts.control else request.param
    weights = held / ("plain" if name == "redux" else name)
    plain = Variant.from_toml(request.param, toys.VARIANT.format(weights=weights.as_posix()))
    variant = replace(
        plain,
        family=f"flux1_{name}",
        guidance=GUIDANCE,
        negative=False,
        accepts=accepts,
        companions={one: Weights(source=str(held / one)) for one in ("depth", "redux")},
    )
    return Toy(name, variant, held)


@pytest.fixture
def papers(toy: Toy) -> tuple[Paper, ...]:
    return (CANVAS, HOLE) if toy.variant.accepts.needs_mask else (WIDE,)


@pytest.fixture
def order(toy: Toy, image: Request) -> Request:
    def make(*papers: Paper, **changes: Any) -> ImageRequest:
        names = tuple(one.name for one in papers)
        pictures: dict[str, Any] = {"references": names}
        if toy.variant.accepts.needs_mask:
            pictures = dict(zip(("canvas", "mask"), names, strict=True))
        given = {"variant": toy.variant.name, "width": 64, "height": 48, "guidance": 2.5}
        return image(**{**given, **pictures, **changes})

    return make


def test_a_picture_is_what_the_stock_pipeline_draws(
    engine: Engine, toy: Toy, order: Request, papers: tuple[Paper, ...]
) -> None:
    request = order(*papers, prompt="a red panda, " * 9, guidance=30.0)
    drawn = engine.draw(toy.variant, request, files=files(*papers))
    assert (drawn.width, drawn.height) == (64, 48)
    assert drawn.pixel_sha256 == toy.called(request, *papers)


def test_a_picture_with_its_text_encoders_apart_is_the_same(
    engine: Engine, toy: Toy, order: Request, papers: tuple[Paper, ...]
) -> None:
    request = order(*papers)
    drawn = engine.draw(toy.variant, request, files=files(*papers))
    assert drawn.pixel_sha256 == edit_toys.drawn_with_texts_apart(toy.variant, request, *papers)


def test_words_picture_guidance_and_seed_change_the_pixels(
    engine: Engine, toy: Toy, order: Request, papers: tuple[Paper, ...]
) -> None:
    last = paper(64, 48, 5)
    others = (last, HOLE) if toy.variant.accepts.needs_mask else (TALL,)
    requests = [
        order(*papers),
        order(*papers, prompt="a blue panda"),
        order(*papers, guidance=9.0),
        order(*papers, seed=8),
        order(*others),
    ]
    held = files(*papers, *others)
    drawn = {engine.draw(toy.variant, one, files=held).pixel_sha256 for one in requests}
    assert len(drawn) == len(requests)


def test_previews_change_no_pixel_and_end_at_the_picture(
    engine: Engine, toy: Toy, order: Request, papers: tuple[Paper, ...]
) -> None:
    previews: list[str | None] = []

    def watch(step: Step) -> None:
        shown = step.preview and pixel_sha256(edit_toys.opened(step.preview()))
        previews.append(shown or None)

    # The largest preview of so small a picture is the picture.
    plain = engine.draw(toy.variant, order(*papers), files=files(*papers))
    watched = engine.draw(toy.variant, order(*papers), watch, files(*papers))
    assert watched.pixel_sha256 == plain.pixel_sha256
    assert len(set(previews)) == 3
    # Where the seed's first numbers go into a picture, the first step's noise is not foretold.
    assert (previews[0] is None) == (toy.name in ("fill", "control"))
    if toy.name != "fill":  # what its mask keeps is put back afterwards
        assert previews[-1] == plain.pixel_sha256


def test_a_cancelled_picture_leaves_the_next_one_exact(
    engine: Engine, toy: Toy, order: Request, papers: tuple[Paper, ...]
) -> None:
    exact = engine.draw(toy.variant, order(*papers), files=files(*papers)).pixel_sha256

    def cancel(step: Step) -> None:
        raise errors.GenerationCancelled

    with pytest.raises(errors.GenerationCancelled):
        engine.draw(toy.variant, order(*papers, seed=8), cancel, files(*papers))
    assert engine.draw(toy.variant, order(*papers), files=files(*papers)).pixel_sha256 == exact


def test_words_that_a_pipeline_leaves_out_are_in_no_log(
    engine: Engine,
    toy: Toy,
    order: Request,
    papers: tuple[Paper, ...],
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine.draw(toy.variant, order(*papers, prompt="a secret panda, " * 8), files=files(*papers))
    assert "secret" not in caplog.text


@pytest.mark.parametrize("toy", ["depth", "redux"], indirect=True)
def test_the_companion_is_part_of_the_recipe_and_its_weights_are_counted(
    engine: Engine, toy: Toy, order: Request, tmp_path: Path
) -> None:
    name = "redux" if toy.name == "redux" else "depth"
    request = order(WIDE)
    family = open_local(toy.variant, "cpu", Place(tmp_path, offline=True))
    assert isinstance(family, StockFamily)
    assert family.weight()["cpu"] > weight(family.pipe)["cpu"]
    first = engine.draw(toy.variant, request, files=files(WIDE))
    torch.manual_seed(9)
    getattr(edit_toys, name)(tmp_path)
    others = {**toy.variant.companions, name: Weights(source=str(tmp_path))}
    second = engine.draw(replace(toy.variant, companions=others), request, files=files(WIDE))
    assert first.pixel_sha256 != second.pixel_sha256
    assert first.recipe.weights_digest != second.recipe.weights_digest
    assert first.recipe.variant_digest != second.recipe.variant_digest


@pytest.mark.parametrize("toy", ["depth", "redux"], indirect=True)
def test_a_companion_that_is_gone_is_told(engine: Engine, toy: Toy, tmp_path: Path) -> None:
    gone = {name: Weights(source=str(tmp_path / "gone")) for name in toy.variant.companions}
    with pytest.raises(errors.WeightsBroken):
        engine.load(replace(toy.variant, companions=gone))


@pytest.mark.parametrize("toy", ["kontext"], indirect=True)
def test_weights_of_another_tool_are_refused(engine: Engine, toy: Toy) -> None:
    with pytest.raises(errors.WeightsBroken) as failure:
        engine.load(replace(toy.variant, family="flux1_fill"))
    assert "FluxKontextPipeline" in str(failure.value.__cause__)
