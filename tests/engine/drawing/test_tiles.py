"""Canvases larger than one forward: drawn in tiles that nobody sees."""

import io
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine import errors
from engine.drawing import tiles
from engine.drawing.picture import Step
from engine.engine import Engine
from engine.family import AfterStep
from engine.pictures.inputs import Inputs
from engine.request import GenerationRequest, ImageRequest
from engine.variants.bounds import Accepts, Sizes
from engine.variants.catalog import Catalog, Variant
from tests.engine import edit_toys
from tests.engine.edit_toys import files, hole, paper

Request = Callable[..., ImageRequest]

CANVAS = paper(40, 28, 3)
SIZES = Sizes(
    presets={"square": (64, 64)}, multiple=16, least_side=32, most_side=64, most_pixels=4096
)
LARGE = ((80, 64), (160, 112), (256, 32), (256, 256), (64, 304))


@pytest.fixture(scope="module")
def variant(toy: Variant) -> Variant:
    return replace(toy, sizes=SIZES, accepts=Accepts(canvas=True, mask=True))


@pytest.fixture
def order(image: Request) -> Request:
    def make(**changes: Any) -> ImageRequest:
        given = {"width": 160, "height": 112, "canvas": CANVAS.name, "strength": 0.5}
        return image(**{**given, **changes})

    return make


@dataclass
class Copying:
    """A family that returns its canvas, and remembers what it was asked for."""

    asked: list[ImageRequest] = field(default_factory=list)
    scheduler: dict[str, Any] = field(default_factory=dict)
    weights_digest: str = ""
    packages: tuple[str, ...] = ()

    def draw(self, request: ImageRequest, inputs: Inputs, after_step: AfterStep) -> Image.Image:
        assert inputs.canvas
        assert inputs.canvas.size == (request.width, request.height)
        self.asked.append(request)
        after_step(1, None, total=2)
        after_step(2, None, total=2)
        return inputs.canvas


def unwatched(*_: Any, **__: Any) -> None: ...


@pytest.mark.parametrize("size", LARGE)
def test_tiles_that_change_nothing_give_the_canvas_back(
    order: Request, size: tuple[int, int]
) -> None:
    family, canvas = Copying(), paper(*size, 5).image
    request = order(width=size[0], height=size[1])
    drawn = tiles.draw(family, SIZES, request, Inputs(canvas=canvas), unwatched)
    assert drawn.tobytes() == canvas.tobytes()
    assert len({one.seed for one in family.asked}) == len(family.asked) > 1
    assert all(SIZES.allows(one.width, one.height) for one in family.asked)


@pytest.mark.parametrize("size", LARGE)
def test_neighbours_share_a_fifth_of_their_side_at_least(size: tuple[int, int]) -> None:
    tile = SIZES.tile(*size)
    where = tiles.boxes(size, tile, SIZES.multiple)
    for axis in (0, 1):
        ends = sorted({(box[axis], box[axis + 2]) for box in where})
        assert ends[0][0] == 0
        assert ends[-1][1] == size[axis]
        for (_, end), (start, _) in itertools.pairwise(ends):
            assert start % SIZES.multiple == 0
            assert end - start >= tile[axis] // 5


@pytest.mark.parametrize(
    ("steps", "strength", "drawn"), [(4, 0.1, 1), (4, 0.3, 3), (8, 0.3, 3), (50, 0.3, 15)]
)
def test_a_tile_starts_from_about_as_much_noise_as_was_asked_for(
    order: Request, steps: int, strength: float, drawn: int
) -> None:
    family, canvas = Copying(), paper(160, 112, 5).image
    request = order(steps=steps, strength=strength)
    tiles.draw(family, SIZES, request, Inputs(canvas=canvas), unwatched)
    fine = family.asked[0].steps
    assert fine % steps == 0
    # As the stock pipelines count them.
    assert fine - int(fine - fine * strength) == drawn
    assert strength <= drawn / fine <= strength * 1.26


def test_steps_are_counted_over_all_tiles_and_previews_show_the_whole(
    engine: Engine, variant: Variant, order: Request
) -> None:
    # One step a tile.
    seen: list[tuple[int, int]] = []
    shown: list[tuple[int, int] | None] = []

    def watch(step: Step) -> None:
        seen.append((step.index, step.total))
        shown.append(edit_toys.opened(step.preview()).size if step.preview else None)

    drawn = engine.draw(variant, order(steps=2, width=336), watch, files(CANVAS))
    count = len(tiles.boxes((336, 112), (64, 64), 16))
    assert seen == [(index, count) for index in range(1, count + 1)]
    assert shown == [None, *[(256, 85)] * (count - 1)]
    assert (drawn.width, drawn.height) == (336, 112)


def test_the_same_recipe_draws_the_same_pixels_and_each_part_of_it_counts(
    engine: Engine, variant: Variant, order: Request
) -> None:
    other = paper(40, 28, 4)
    held = files(CANVAS, other)
    orders = [order(), order(seed=8), order(strength=0.9), order(canvas=other.name)]
    drawn = [engine.draw(variant, one, files=held) for one in (*orders, orders[0])]
    assert drawn[0].pixel_sha256 == drawn[-1].pixel_sha256
    assert len({one.pixel_sha256 for one in drawn}) == len(orders)
    assert drawn[0].recipe.mode == "exact, painted in tiles of 64x64"
    assert drawn[0].recipe.request == orders[0]


def test_what_one_forward_draws_is_not_cut(
    engine: Engine, variant: Variant, order: Request
) -> None:
    seen: list[int] = []
    request = order(width=64, height=64, steps=2)
    drawn = engine.draw(variant, request, lambda step: seen.append(step.total), files(CANVAS))
    assert seen == [1]
    assert drawn.recipe.mode == "exact"


def test_a_picture_cancelled_between_its_tiles_leaves_the_next_one_exact(
    engine: Engine, variant: Variant, order: Request
) -> None:
    exact = engine.draw(variant, order(), files=files(CANVAS)).pixel_sha256

    def cancel(step: Step) -> None:
        if step.index == step.total // 2:
            raise errors.GenerationCancelled

    with pytest.raises(errors.GenerationCancelled):
        engine.draw(variant, order(seed=8), cancel, files(CANVAS))
    assert engine.draw(variant, order(), files=files(CANVAS)).pixel_sha256 == exact


def test_larger_sizes_are_for_a_whole_canvas_within_four_megapixels(variant: Variant) -> None:
    plain = GenerationRequest(
        variant="toy",
        prompt="a cat",
        negative="",
        width=2048,
        height=2048,
        steps=3,
        guidance=3.0,
        seeds=(1,),
        canvas="a",
        strength=0.3,
    )
    variant.check(plain)
    variant.check(replace(plain, width=4096, height=1024))
    refused = [
        replace(plain, canvas=""),
        replace(plain, mask="b"),
        replace(plain, width=2064),
        replace(plain, width=200),
        replace(plain, height=16),
        replace(plain, height=0),
    ]
    for request in refused:
        with pytest.raises(errors.SizeUnsupported):
            variant.check(request)
    with pytest.raises(errors.SizeUnsupported):
        replace(variant, accepts=Accepts(mask=True)).check(plain)
    assert variant.price(plain) == 2 * 32**2


def test_a_larger_canvas_with_a_mask_is_not_cut(variant: Variant, order: Request) -> None:
    assert not variant.tiles(order(mask=hole(64, 48).name))


@pytest.mark.parametrize("name", ["starter", "starter-lightning"])
def test_the_starter_draws_a_picture_twice_as_large_without_seams(name: str) -> None:
    variant, engine = Catalog.load([name]).default, Engine(device="cpu")
    plain = ImageRequest(
        variant=name,
        prompt="a panda on a red background",
        negative="",
        width=128,
        height=128,
        steps=variant.steps.default,
        guidance=variant.guidance.default,
        seed=7,
    )
    small = engine.draw(variant, plain)
    canvas = edit_toys.filed(Image.open(io.BytesIO(small.png)).convert("RGB"))
    large = replace(
        plain, width=256, height=256, canvas=canvas.name, strength=variant.accepts.upscale
    )
    drawn = engine.draw(variant, large, files=files(canvas))
    picture = Image.open(io.BytesIO(drawn.png)).convert("RGB")
    stretched = canvas.image.resize((256, 256), Image.Resampling.LANCZOS)

    # It is the same picture, drawn anew, and steps are no higher where a tile ends or begins.
    changed = np.abs(np.asarray(picture, float) - np.asarray(stretched, float)).mean()
    assert 1 < changed < 16
    assert _seams(picture, variant) < 1.2 * _seams(stretched, variant)


def _seams(picture: Image.Image, variant: Variant) -> float:
    """Return how far pixels differ across the ends of tiles, over how far they do elsewhere."""
    where = tiles.boxes(picture.size, variant.sizes.tile(*picture.size), variant.sizes.multiple)
    pixels = np.asarray(picture, np.float32)
    at, elsewhere = [], []
    for axis, steps in ((0, np.diff(pixels, axis=1)), (1, np.diff(pixels, axis=0))):
        along = np.abs(steps).mean(axis=(axis, 2))
        ends = {side for box in where for side in (box[axis], box[axis + 2])}
        for place, step in enumerate(along, 1):
            (at if place in ends else elsewhere).append(step)
    return float(np.mean(at) / np.mean(elsewhere))
