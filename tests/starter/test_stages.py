"""The whole making, at toy size."""

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from starter.distill import FILE
from starter.errors import StageMissingError
from starter.evaluate import Trial, evaluate, summary
from starter.recipe import TOY, Making
from starter.sample import LIGHTNING, USUAL, Order, Way, as_tensor, load, sample
from starter.scenes import FONT
from starter.sheet import Page, sheet
from starter.stages import DISTILLING, TRAINING, make
from starter.weights import load_starter

pytestmark = pytest.mark.skipif(not FONT.is_file(), reason="needs fonts-noto-color-emoji")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Making:
    folder = tmp_path_factory.mktemp("making")
    making = Making(TOY, folder / "work", FONT, folder / "weights")
    make(making, TRAINING)
    make(making, DISTILLING)
    return making


def test_the_recipe_leaves_a_stock_pipeline_that_draws(made: Making) -> None:
    pipeline = load_starter(made.target)
    generator = torch.Generator().manual_seed(0)
    picture = pipeline(
        "熊猫", num_inference_steps=1, height=64, width=64, generator=generator
    ).images[0]
    assert picture.size == (64, 64)


def test_the_distilled_lora_reaches_every_linear_map_of_the_blocks(made: Making) -> None:
    layers = load_file(made.lightning / FILE)
    assert len(layers) == 5 * 14 * 2
    assert all(value.dtype == torch.float16 for value in layers.values())
    assert any(value.abs().max() > 0 for name, value in layers.items() if "lora_B" in name)
    plain, fused = (
        load(made.target, made.lightning, way).transformer.state_dict()
        for way in (Way(4), LIGHTNING)
    )
    assert plain.keys() == fused.keys()
    assert any(not torch.equal(plain[name], fused[name]) for name in plain)


def test_a_second_making_redoes_no_training(made: Making) -> None:
    before = {path: path.stat().st_mtime_ns for path in made.work.glob("*.pt")}
    assert before
    make(made, TRAINING)
    make(made, DISTILLING)
    assert {path: path.stat().st_mtime_ns for path in made.work.glob("*.pt")} == before


def test_a_stage_without_its_forerunners_says_which_file_is_missing(tmp_path: Path) -> None:
    making = Making(TOY, tmp_path / "work", FONT, tmp_path / "weights")
    with pytest.raises(StageMissingError, match="tokenizer"):
        make(making, {"denoiser": TRAINING["denoiser"]})


def test_a_making_can_be_measured(made: Making) -> None:
    figures = evaluate(made, Trial(pictures=3, batch=4, ways=(Way(1, 2.0), LIGHTNING)))
    assert set(figures["ways"]) == {"1 steps, guidance 2", "4 steps, no guidance, lightning"}
    scores = figures["ways"]["4 steps, no guidance, lightning"]
    assert set(scores) == {"en", "zh", "tw"}
    shares = [
        value
        for kinds in scores.values()
        for row in kinds.values()
        for name, value in row.items()
        if name != "sharpness"
    ]
    assert len(shares) == 3 * (3 + 3 + 3 + 2)
    assert all(0 <= value <= 1 for value in shares)
    assert all(seconds > 0 for seconds in figures["seconds"].values())
    assert math.isfinite(figures["vae_db_on_other_glyphs"])
    assert summary(figures).count("\n") == 5


@pytest.mark.parametrize("page", list(Page))
def test_a_making_can_be_looked_at(made: Making, tmp_path: Path, page: Page) -> None:
    out = tmp_path / "sheet.png"
    sheet(made, page, Way(1), out)
    assert out.stat().st_size > 1000


def test_pictures_become_numbers_between_0_and_1(made: Making) -> None:
    pipeline = load(made.target, made.lightning, USUAL)
    pictures = as_tensor(sample(pipeline, [Order("猫", 1), Order("", 2)], Way(1), 64, 2))
    assert pictures.shape == (2, 3, 64, 64)
    assert 0 <= float(pictures.min()) < float(pictures.max()) <= 1
