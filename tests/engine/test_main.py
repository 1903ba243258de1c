import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from engine import errors
from engine.__main__ import main
from engine.command.sentences import SENTENCES
from engine.engine import Engine
from engine.loras.errors import LoraRefused
from engine.request import ImageRequest
from engine.training.errors import TrainingDiverged
from engine.variants.catalog import PROJECT, VARIANTS, Variant
from engine.vendor.errors import VendorFailed
from tests.engine.recipes import inside

Request = Callable[..., ImageRequest]
Run = Callable[..., int]


@pytest.fixture
def imagine(project: Path, tmp_path: Path) -> Run:
    def run(*arguments: str) -> int:
        folders = ["--variants-folder", str(project / "variants"), "--out", str(tmp_path / "out")]
        return main(["imagine", *arguments, "--variant", "toy", *folders])

    return run


def test_json_lines_name_files_seeds_and_pixels(
    imagine: Run, capsys: pytest.CaptureFixture[str], engine: Engine, toy: Variant, image: Request
) -> None:
    options = ["--count", "2", "--seed", "4294967295", "--size", "96x64", "--steps", "2"]
    assert imagine("红色 panda", *options, "--guidance", "2", "--negative", "dark", "--json") == 0

    output = capsys.readouterr()
    lines = [json.loads(line) for line in output.out.splitlines()]
    assert output.err == ""
    assert [line["seed"] for line in lines] == [4294967295, 0]
    for line in lines:
        assert set(line) == {"file", "seed", "pixel_sha256", "seconds"}
        request = image(
            prompt="红色 panda",
            negative="dark",
            width=96,
            steps=2,
            guidance=2.0,
            seed=line["seed"],
        )
        picture = engine.draw(toy, request)
        assert picture.pixel_sha256 == line["pixel_sha256"]
        assert inside(Path(line["file"]).read_bytes()) == picture.recipe


def test_plain_lines_print_the_random_seed(
    imagine: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert imagine("a cat", "--count", "2", "--steps", "1") == 0
    lines = capsys.readouterr().out.splitlines()
    first, second = (int(re.findall(r"seed (\d+)", line)[0]) for line in lines)
    assert second == (first + 1) % 2**32
    assert all(Path(line.split("  ")[0]).is_file() for line in lines)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([""], "prompt is empty"),
        (["x" * 401], "shorten it to 400"),
        (["\udcff"], "not valid UTF-8"),
        (["x", "--negative", "y" * 401], "shorten it to 400"),
        (["x", "--size", "65x64"], "64x64, 96x64"),
        (["x", "--size", "big"], "128x128"),
        (["x", "--size", "64"], "128x128"),
        (["x", "--seed", "-1"], "from 0 to 4294967295"),
        (["x", "--seed", "4294967296"], "from 0 to 4294967295"),
        (["x", "--seed", "seven"], "'seven'"),
        (["x", "--count", "0"], "--count 1 to 4"),
        (["x", "--count", "1000000000"], "--count 1 to 4"),
        (["x", "--steps", "31"], "--steps 1 to 30"),
        (["x", "--guidance", "nan"], "--guidance 1.0 to 8.0"),
        (["x", "--colour", "red"], "--colour"),
        ([], "required: prompt"),
    ],
)
def test_wrong_input_is_one_sentence_and_exit_code_2(
    imagine: Run,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: list[str],
    says: str,
) -> None:
    assert imagine(*arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert len(output.err.splitlines()) == 1
    assert says in output.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["imagine", "x", "--variant", "nothing"], "starter-lightning, starter"),
        (["imagine", "x", "--variants-folder", "nowhere"], "no variant 'starter'"),
        (["variants", "--variants-folder", "nowhere"], "holds no variants"),
        (["draw"], "draw"),
        ([], "required: COMMAND"),
    ],
)
def test_a_wrong_command_variant_or_folder_is_told(
    capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert main(arguments) == 2
    assert says in capsys.readouterr().err


def test_a_file_that_is_no_variant_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "odd.toml").write_text("colour = 1")
    assert main(["imagine", "x", "--variant", "odd", "--variants-folder", str(tmp_path)]) == 2
    assert "describes no variant" in capsys.readouterr().err


def test_words_that_a_variant_names_and_nobody_has_are_told(
    capsys: pytest.CaptureFixture[str], project: Path, tmp_path: Path
) -> None:
    text = (project / "variants" / "toy.toml").read_text()
    missing = f"{text}\n[vocabulary]\nfile = '{tmp_path}/words.toml'\n"
    (tmp_path / "mute.toml").write_text(missing)
    assert main(["imagine", "x", "--variant", "mute", "--variants-folder", str(tmp_path)]) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert "words.toml" in sentence
    assert sentence.endswith("No such file or directory.")


def test_broken_weights_are_one_sentence_and_exit_code_1(
    capsys: pytest.CaptureFixture[str], project: Path, tmp_path: Path
) -> None:
    text = (project / "variants" / "toy.toml").read_text()
    broken = text.replace((project / "weights").as_posix(), "no/such/folder")
    (tmp_path / "broken.toml").write_text(broken)

    folder = ["--variants-folder", str(tmp_path), "--out", str(tmp_path)]
    assert main(["imagine", "x", "--variant", "broken", *folder]) == 1

    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert "weights of broken" in error
    assert "is no folder" in error


def test_a_folder_that_cannot_be_written_is_exit_code_1(
    imagine: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("a file")
    assert imagine("x") == 1
    assert "Traceback" not in capsys.readouterr().err


def test_variants_are_listed_with_their_licences(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["variants"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("starter" in line and "Apache-2.0" in line for line in lines)
    assert any("qwen-image-lightning-4" in line for line in lines)


def test_json_lines_tell_all_about_the_variants(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["variants", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = {line.pop("name"): line for line in lines}

    assert set(told) == {path.stem for path in VARIANTS.glob("*.toml")}
    dev = told["flux1-dev"]
    assert dev["family"] == "flux1"
    assert dev["licence"] == "flux-1-dev-non-commercial-license"
    assert dev["commercial"] is False
    assert dev["languages"] == dev["glyphs"] == ["en"]
    assert dev["sizes"]["presets"]["square"] == [1024, 1024]
    assert dev["sizes"]["most_pixels"] == 2 * 2**20
    assert dev["steps"] == {"default": 28, "least": 20, "most": 50}
    assert told["z-image-turbo"]["glyphs"] == ["en", "zh"]


def test_every_error_a_command_can_end_with_has_a_sentence() -> None:
    rooms = (errors.RerollError, LoraRefused, TrainingDiverged, VendorFailed)
    silent = {"cancelled", "picture_refused", "lora_refused"}
    kinds = (
        errors.RequestRefused,
        errors.PictureRefused,
        LoraRefused,
        errors.EngineFailed,
        VendorFailed,
    )
    raised = {
        error.code
        for family in kinds
        for error in family.__subclasses__()
        if error.__module__ in {one.__module__ for one in rooms}
    }
    assert set(SENTENCES) == raised - silent


def test_a_fresh_process_draws_the_same_pixels(
    project: Path, tmp_path: Path, engine: Engine, toy: Variant, image: Request
) -> None:
    command = [sys.executable, "-m", "engine", "imagine", "a red 熊猫", "--json", "--seed", "7"]
    options = ["--variant", "toy", "--variants-folder", str(project / "variants")]
    result = subprocess.run(
        [*command, *options, "--out", str(tmp_path)],
        capture_output=True,
        check=True,
        cwd=PROJECT,
        env={**os.environ, "OMP_NUM_THREADS": "2", "PYTHONUTF8": "1"},
    )
    engine.draw(toy, image(seed=1))
    picture = engine.draw(toy, image(guidance=3.0))
    assert result.stderr == b""
    assert json.loads(result.stdout)["pixel_sha256"] == picture.pixel_sha256


def test_what_the_bot_may_import_and_the_list_of_variants_bring_no_torch() -> None:
    program = """
import sys
import engine.errors, engine.request, engine.recipe, engine.variants.catalog, engine.pictures.images
from engine.__main__ import main
main(["variants"])
heavy = {"torch", "diffusers", "transformers", "huggingface_hub"} & set(sys.modules)
sys.exit(", ".join(heavy) or None)
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=PROJECT, capture_output=True)


def test_pictures_to_start_from_are_named_by_their_files(tmp_path: Path) -> None:
    canvas, mask = Image.new("RGB", (128, 128), "red"), Image.new("L", (128, 128))
    mask.paste(255, (0, 64, 128, 128))
    canvas.save(tmp_path / "canvas.jpg", quality=95)
    mask.save(tmp_path / "mask.png")
    chosen = ["--canvas", str(tmp_path / "canvas.jpg"), "--mask", str(tmp_path / "mask.png")]
    rest = ["--seed", "7", "--steps", "2", "--out", str(tmp_path / "out")]
    assert main(["imagine", "a cat on a blue background", *chosen, *rest]) == 0
    (file,) = (tmp_path / "out").iterdir()
    with Image.open(file) as drawn, Image.open(tmp_path / "canvas.jpg") as before:
        upper = (0, 0, 128, 64)
        assert drawn.crop(upper).tobytes() == before.convert("RGB").crop(upper).tobytes()
        assert drawn.tobytes() != before.tobytes()
    assert inside(file.read_bytes()).request.mask


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (["--mask", "mask.png"], "give both"),
        (["--reference", "mask.png"], "looks at 0 pictures"),
        (["--canvas", "text.png"], "no picture"),
        (["--canvas", "none.png"], "No such file"),
    ],
)
def test_a_picture_that_cannot_be_used_is_refused_before_anything_is_loaded(
    chosen: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Image.new("L", (64, 64), 255).save(tmp_path / "mask.png")
    (tmp_path / "text.png").write_text("no picture at all")
    monkeypatch.chdir(tmp_path)
    assert main(["imagine", "a cat", *chosen]) > 0
    assert said in capsys.readouterr().err
