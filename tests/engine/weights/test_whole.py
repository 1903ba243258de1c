"""Weights that are missing, cut off or changed, told without loading them."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from engine.variants.catalog import PROJECT, Catalog, Weights
from engine.weights import whole


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    part = tmp_path / "model" / "transformer"
    part.mkdir(parents=True)
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    for name in names:
        save_file({"layer": torch.ones(4, 4)}, part / name)
    index = {"weight_map": {"a": names[0], "b": names[1]}}
    (part / "model.safetensors.index.json").write_text(json.dumps(index))
    return tmp_path


def faults(folder: Path, *, digests: bool = False) -> tuple[str, ...]:
    return whole.look(Weights(source="model"), folder, digests=digests).faults


def test_weights_in_one_piece_have_no_fault(folder: Path) -> None:
    assert faults(folder, digests=True) == ()


def test_the_starter_that_ships_is_whole() -> None:
    catalog = Catalog.load(["starter", "starter-lightning"])
    for name in catalog.names:
        for source in whole.sources(catalog[name]):
            lying = whole.look(source, PROJECT)
            assert lying.folder
            assert not lying.faults
            assert lying.nbytes > 100_000


def test_a_file_that_an_index_names_is_missed(folder: Path) -> None:
    next(folder.rglob("model-00002*")).unlink()
    (fault,) = faults(folder)
    assert "model-00002-of-00002.safetensors is missing" in fault


@pytest.mark.parametrize("content", [b"", b"\xff" * 64, b"\x05\x00\x00\x00\x00\x00\x00\x00oops!"])
def test_a_file_that_is_none_is_told(folder: Path, content: bytes) -> None:
    next(folder.rglob("model-00001*")).write_bytes(content)
    assert faults(folder) == ("model-00001-of-00002.safetensors is cut off or damaged",)


def test_a_file_that_was_cut_off_is_told(folder: Path) -> None:
    file = next(folder.rglob("model-00001*"))
    file.write_bytes(file.read_bytes()[:-7])
    assert faults(folder) == ("model-00001-of-00002.safetensors is cut off or damaged",)


def test_an_index_that_cannot_be_read_is_told(folder: Path) -> None:
    next(folder.rglob("*.index.json")).write_text("{")
    assert "cannot be read" in faults(folder)[0]


def test_a_folder_that_is_not_there_or_empty(tmp_path: Path) -> None:
    assert whole.look(Weights(source="nowhere"), tmp_path).folder is None
    (tmp_path / "model").mkdir()
    assert faults(tmp_path) == ("empty",)


def test_changed_bytes_are_found_by_the_name_that_the_hub_gave(folder: Path) -> None:
    file = next(folder.rglob("model-00001*"))
    blob = folder / ("0" * 64)
    file.rename(blob)
    file.symlink_to(blob)
    assert faults(folder) == ()
    assert "other bytes" in faults(folder, digests=True)[0]


def test_what_the_hub_has_and_this_machine_has_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    absent = Weights(source="nobody/nothing", revision="a" * 40)
    assert whole.look(absent, tmp_path).folder is None
