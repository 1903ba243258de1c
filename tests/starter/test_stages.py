"""The whole making, at toy size."""

from pathlib import Path

import pytest
import torch

from starter.errors import StageMissingError
from starter.evaluate import Sampling, evaluate
from starter.recipe import TOY, Making
from starter.scenes import FONT
from starter.sheet import sheet
from starter.stages import make
from starter.weights import load_starter

pytestmark = pytest.mark.skipif(not FONT.is_file(), reason="needs fonts-noto-color-emoji")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Making:
    folder = tmp_path_factory.mktemp("making")
    making = Making(TOY, folder / "work", FONT, folder / "weights")
    make(making)
    return making


def test_the_recipe_leaves_a_stock_pipeline_that_draws(made: Making) -> None:
    pipeline = load_starter(made.target)
    generator = torch.Generator().manual_seed(0)
    picture = pipeline(
        "熊猫", num_inference_steps=1, height=64, width=64, generator=generator
    ).images[0]
    assert picture.size == (64, 64)


def test_a_second_making_redoes_no_training(made: Making) -> None:
    before = {path: path.stat().st_mtime_ns for path in made.work.glob("*.pt")}
    make(made)
    assert {path: path.stat().st_mtime_ns for path in made.work.glob("*.pt")} == before


def test_a_stage_without_its_forerunners_says_which_file_is_missing(tmp_path: Path) -> None:
    making = Making(TOY, tmp_path / "work", FONT, tmp_path / "weights")
    with pytest.raises(StageMissingError, match=r"latents\.pt"):
        make(making, ("denoiser",))


def test_a_making_can_be_measured_and_looked_at(made: Making, tmp_path: Path) -> None:
    sampling = Sampling(steps=1, guidance=2.0, batch=4)
    lines = list(evaluate(made, sampling, phrasings=1))
    assert [line.split(":")[0] for line in lines[1:]] == ["en", "zh", "tw"]
    sheet(made, sampling, tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").is_file()
