"""`python -m engine lora train`, on the starter's real weights for a few steps."""

import json
from pathlib import Path

import pytest
from PIL import Image

from engine.__main__ import main
from engine.variants.catalog import VARIANTS


@pytest.fixture
def lessons(tmp_path: Path) -> Path:
    """A folder of five pictures, four of them with captions."""
    folder = tmp_path / "lessons"
    folder.mkdir()
    for number, colour in enumerate(("red", "blue", "gold", "green", "black")):
        Image.new("RGB", (160, 120), colour).save(folder / f"{number}.jpg")
        if number:
            caption = folder / f"{number}.txt"
            caption.write_text(f"a {colour} cat\n", encoding="utf-8")
    return folder


@pytest.fixture
def variants(tmp_path: Path) -> Path:
    """The starter's variants, trained in two steps."""
    folder = tmp_path / "variants"
    folder.mkdir()
    for name in ("starter", "starter-lightning", "flux1-dev", "flux1-schnell"):
        text = (VARIANTS / f"{name}.toml").read_text(encoding="utf-8")
        (folder / f"{name}.toml").write_text(text.replace("least = 50", "least = 2"), "utf-8")
    return folder


def test_a_folder_becomes_a_canonical_file(
    lessons: Path, variants: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def train(out: str) -> int:
        return main(
            [
                *("lora", "train", str(lessons), "--out", str(tmp_path / out), "--steps", "3"),
                *("--variant", "starter-lightning", "--trigger", "inky", "--rank", "8"),
                *("--checkpoint", str(tmp_path / "kept"), "--json"),
                *("--variants-folder", str(variants)),
            ]
        )

    assert train("first") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["base"], told["rank"], told["steps"]) == ("starter", 8, 3)
    assert main(["lora", "check", told["file"], "--base", "starter", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sha256"] == told["sha256"]
    assert train("again") == 0  # from the checkpoint of the last step: nothing is left to do
    assert json.loads(capsys.readouterr().out)["sha256"] == told["sha256"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "has no caption"),
        (("--trigger", "inky", "--rank", "4"), "Rank 4 is out of range"),
        (("--trigger", "inky", "--steps", "1"), "1 steps are out of range"),
        (("--trigger", "inky", "--variant", "flux1-schnell"), "forbids to train"),
    ],
)
def test_what_is_wrong_is_said(
    options: tuple[str, ...],
    says: str,
    lessons: Path,
    variants: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = ("--out", str(tmp_path / "out"), "--variants-folder", str(variants))
    assert main(["lora", "train", str(lessons), *out, *options]) == 2
    assert says in capsys.readouterr().err
