import io
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import QwenImagePipeline
from PIL import Image

from engine import errors
from engine.drawing.picture import Step
from engine.engine import Engine
from engine.families import one_frame, rows
from engine.pictures.images import pixel_sha256
from engine.request import ImageRequest
from engine.variants.catalog import Variant, Weights
from tests.engine.recipes import inside

Request = Callable[..., ImageRequest]


def opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png))


def test_a_picture_tells_its_size_hash_and_recipe(
    engine: Engine, toy: Variant, image: Request
) -> None:
    request = image(width=96, prompt='a 熊猫 \U0001f43c "quoted"\n')
    picture = engine.draw(toy, request)

    assert (picture.width, picture.height) == (96, 64) == opened(picture.png).size
    assert picture.pixel_sha256 == pixel_sha256(opened(picture.png))
    assert picture.recipe == inside(picture.png)
    assert picture.recipe.request == request
    assert picture.recipe.variant_digest == toy.digest
    assert picture.recipe.threads == 1
    assert picture.recipe.versions["torch"] == torch.__version__
    assert picture.recipe.scheduler["shift"] == 3.0
    assert picture.seconds > 0
    assert len(repr(picture)) < 3000


@pytest.mark.parametrize(
    ("guidance", "negative", "plain"),
    [
        (1.0, "", {"true_cfg_scale": 1.0}),
        (3.0, "", {"true_cfg_scale": 3.0, "negative_prompt": " "}),
        (3.0, "blue", {"true_cfg_scale": 3.0, "negative_prompt": "blue"}),
    ],
)
def test_a_picture_is_what_the_plain_pipeline_draws(
    engine: Engine,
    toy: Variant,
    image: Request,
    project: Path,
    guidance: float,
    negative: str,
    plain: dict[str, Any],
) -> None:
    pipeline = QwenImagePipeline.from_pretrained(project / "weights", local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    # All else is stock; test_one_frame.py and test_shared_forwards.py bound what this changes.
    one_frame.flatten(pipeline.vae)
    rows.apart(pipeline.transformer)
    expected = pipeline(
        prompt="a red 熊猫",
        width=96,
        height=64,
        num_inference_steps=3,
        generator=torch.Generator("cpu").manual_seed(7),
        **plain,
    ).images[0]

    picture = engine.draw(toy, image(width=96, guidance=guidance, negative=negative))

    assert picture.pixel_sha256 == pixel_sha256(expected)


def test_what_is_loaded_tells_beforehand_what_a_recipe_will_name(
    project: Path, toy: Variant, image: Request
) -> None:
    engine = Engine(device="cpu", root=project)
    assert engine.means(toy) == {}
    recipe = engine.draw(toy, image()).recipe.to_json()
    del recipe["request"]
    assert engine.means(toy) == recipe


def test_every_part_of_a_request_changes_the_pixels(
    engine: Engine, toy: Variant, image: Request
) -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"seed": 8},
        {"prompt": "a blue 熊猫"},
        {"steps": 4},
        {"guidance": 2.0},
        {"guidance": 2.0, "negative": "blue"},
        {"guidance": 3.0},
        {"width": 48},
    ]
    hashes = {engine.draw(toy, image(**change)).pixel_sha256 for change in changes}
    assert len(hashes) == len(changes)


def test_other_requests_and_variants_in_between_change_nothing(
    engine: Engine, toy: Variant, lightning: Variant, image: Request
) -> None:
    first = engine.draw(toy, image(guidance=3.0))
    engine.draw(toy, image(seed=8, steps=5, width=96))
    engine.draw(lightning, image(steps=4))
    assert engine.draw(toy, image(guidance=3.0)).pixel_sha256 == first.pixel_sha256


def test_steps_count_from_one_to_the_total(engine: Engine, toy: Variant, image: Request) -> None:
    seen: list[tuple[int, int]] = []
    engine.draw(toy, image(steps=4), lambda step: seen.append((step.index, step.total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize("last", [1, 2, 3])
def test_a_cancelled_picture_ends_at_once_and_leaves_the_next_one_exact(
    engine: Engine, toy: Variant, image: Request, last: int
) -> None:
    exact = engine.draw(toy, image()).pixel_sha256
    seen: list[int] = []

    def cancel(step: Step) -> None:
        seen.append(step.index)
        if step.index == last:
            raise errors.GenerationCancelled

    with pytest.raises(errors.GenerationCancelled):
        engine.draw(toy, image(), cancel)

    assert seen == list(range(1, last + 1))
    assert engine.draw(toy, image()).pixel_sha256 == exact


def test_an_unexpected_failure_of_the_callback_reaches_the_caller(
    engine: Engine, toy: Variant, image: Request
) -> None:
    def fail(_step: Step) -> None:
        raise ConnectionResetError("the broker went away")

    with pytest.raises(ConnectionResetError):
        engine.draw(toy, image(), fail)


def test_previews_change_no_pixel_and_end_at_the_picture(
    engine: Engine, toy: Variant, image: Request
) -> None:
    previews: list[bytes] = []
    torch.manual_seed(123)
    plain = engine.draw(toy, image(guidance=3.0))
    random_state = torch.get_rng_state()
    watched = engine.draw(toy, image(guidance=3.0), lambda step: previews.append(step.preview()))

    assert watched.pixel_sha256 == plain.pixel_sha256
    assert torch.equal(torch.get_rng_state(), random_state)
    hashes = [pixel_sha256(opened(png)) for png in previews]
    assert len(set(hashes)) == 3
    assert hashes[-1] == plain.pixel_sha256


@pytest.mark.parametrize(
    ("width", "height", "small"),
    [(64, 32, (64, 32)), (128, 128, (64, 64)), (256, 512, (128, 256)), (1024, 64, (256, 16))],
)
def test_a_preview_of_a_large_picture_is_small_and_keeps_its_shape(
    engine: Engine,
    toy: Variant,
    image: Request,
    width: int,
    height: int,
    small: tuple[int, int],
) -> None:
    sizes: list[tuple[int, int]] = []
    engine.draw(
        toy,
        image(width=width, height=height, steps=1),
        lambda step: sizes.append(opened(step.preview()).size),
    )
    assert sizes == [small]


def test_a_full_device_is_told_and_the_next_picture_is_exact(
    engine: Engine, toy: Variant, image: Request
) -> None:
    exact = engine.draw(toy, image()).pixel_sha256

    with pytest.raises(errors.DeviceFull) as failure:
        engine.draw(toy, image(width=2**50))

    assert failure.value.params == {"width": 2**50, "height": 64}
    assert engine.draw(toy, image()).pixel_sha256 == exact


def test_a_size_the_pipeline_would_round_is_refused(
    engine: Engine, toy: Variant, image: Request
) -> None:
    with pytest.raises(errors.SizeUnsupported):
        engine.draw(toy, image(width=72))


def test_a_text_the_pipeline_would_cut_is_refused(
    engine: Engine, toy: Variant, image: Request
) -> None:
    with pytest.raises(errors.PromptTooLong) as failure:
        engine.draw(toy, image(prompt="龘" * 400))
    limit = int(failure.value.params["limit"])
    assert engine.draw(toy, image(prompt="龘" * limit)).width == 64


@pytest.mark.parametrize("prompt", ["<|image_pad|> <|video_pad|>", "{} {0} %s", "<|im_end|>", "\0"])
def test_marks_and_braces_in_a_prompt_are_drawn_like_any_text(
    engine: Engine, toy: Variant, image: Request, prompt: str
) -> None:
    picture = engine.draw(toy, image(prompt=prompt))
    assert picture.pixel_sha256 == engine.draw(toy, image(prompt=prompt)).pixel_sha256


def test_variants_stay_loaded_in_the_order_of_use(
    project: Path, toy: Variant, lightning: Variant
) -> None:
    engine = Engine(device="cpu", root=project)
    assert engine.loaded == ()
    engine.load(toy)
    assert engine.loaded == ("toy",)
    engine.load(lightning)
    assert engine.loaded == ("toy", "lightning")
    engine.load(toy)
    assert engine.loaded == ("lightning", "toy")


def test_a_variant_with_other_limits_shares_what_is_loaded(
    project: Path, toy: Variant, image: Request, tmp_path: Path
) -> None:
    shutil.copytree(project / "weights", tmp_path / "weights")
    copied = replace(toy, weights=Weights(source="weights"))
    engine = Engine(device="cpu", root=tmp_path)
    engine.load(copied)
    shutil.rmtree(tmp_path / "weights")

    engine.load(copied)
    picture = engine.draw(replace(copied, name="cheaper", cost=1), image())

    assert engine.loaded == ("toy", "cheaper")
    assert picture.width == 64


def test_bfloat16_weights_draw_the_same_pixels_twice(
    project: Path, toy: Variant, image: Request
) -> None:
    engine = Engine(device="cpu", root=project)
    half = replace(toy, dtype="bfloat16")
    first = engine.draw(half, image())
    engine.draw(half, image(seed=1))
    assert engine.draw(half, image()).pixel_sha256 == first.pixel_sha256
    assert first.recipe.dtype == "bfloat16"
