"""`python -m engine lora check`, as it is typed."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from engine.__main__ import main
from engine.variants.catalog import PROJECT

LIGHTNING = PROJECT / "starter" / "lightning" / "starter-lightning-4steps.safetensors"


def test_a_lora_that_can_be_served_is_told_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["lora", "check", str(LIGHTNING), "--family", "qwen_image", "--json"]
    assert main([*command, "--out", str(tmp_path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["base"] == "starter"
    (kept,) = tmp_path.iterdir()
    assert kept.stem == told["sha256"]
    assert kept.stat().st_size == told["bytes"]
    assert len(load_file(kept)) == 2 * told["layers"]


@pytest.mark.parametrize("chosen", [["--family", "flux2"], ["--base", "qwen-image"]])
def test_one_for_another_base_is_told_which(
    capsys: pytest.CaptureFixture[str], chosen: list[str]
) -> None:
    assert main(["lora", "check", str(LIGHTNING), "--json", *chosen]) == 2
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"refused": "lora_other_base", "base": "starter"}
    assert printed.err == "It is for starter; choose that with --base.\n"


def test_what_cannot_be_served_is_told_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "lora.pt"
    torch.save({"a": torch.ones(1)}, file)
    assert main(["lora", "check", str(file), "--base", "flux1"]) == 2
    assert "no safetensors file" in capsys.readouterr().err
    assert main(["lora", "check", str(tmp_path / "none"), "--base", "flux1"]) == 1
    assert main(["lora", "check", str(file), "--base", "nothing"]) == 2
    assert main(["lora", "check", str(file)]) == 2
