import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine import errors
from engine.engine import Engine
from engine.request import ImageRequest
from engine.variants.catalog import Variant, Weights

Request = Callable[..., ImageRequest]


def truncate(weights: Path) -> None:
    file = next((weights / "transformer").glob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:-100])


def drop_tensor(weights: Path) -> None:
    file = next((weights / "vae").glob("*.safetensors"))
    tensors = load_file(file)
    tensors.pop(sorted(tensors)[0])
    save_file(tensors, file, {"format": "pt"})


def drop_text_tensor(weights: Path) -> None:
    file = next((weights / "text_encoder").glob("*.safetensors"))
    tensors = load_file(file)
    tensors.pop(next(name for name in tensors if name.endswith("q_proj.weight")))
    save_file(tensors, file, {"format": "pt"})


def reshape(weights: Path) -> None:
    file = weights / "transformer" / "config.json"
    file.write_text(
        file.read_text().replace('"num_attention_heads": 2', '"num_attention_heads": 4')
    )


def rename_pipeline(weights: Path) -> None:
    file = weights / "model_index.json"
    file.write_text(file.read_text().replace("QwenImagePipeline", "FluxPipeline"))


def pickle_only(weights: Path) -> None:
    file = next((weights / "vae").glob("*.safetensors"))
    torch.save(load_file(file), file.with_suffix(".bin"))
    file.unlink()


@pytest.mark.parametrize(
    "damage",
    [
        shutil.rmtree,
        truncate,
        drop_tensor,
        drop_text_tensor,
        reshape,
        rename_pipeline,
        pickle_only,
        lambda weights: (weights / "model_index.json").unlink(),
        lambda weights: (weights / "model_index.json").write_text("{"),
        lambda weights: shutil.rmtree(weights / "tokenizer"),
        lambda weights: (weights / "scheduler" / "scheduler_config.json").unlink(),
    ],
)
def test_broken_weights_are_named_with_their_cause_and_break_nothing_else(
    project: Path,
    toy: Variant,
    image: Request,
    tmp_path: Path,
    damage: Callable[[Path], object],
) -> None:
    shutil.copytree(project / "weights", tmp_path / "weights")
    damage(tmp_path / "weights")
    engine = Engine(device="cpu", root=tmp_path)

    with pytest.raises(errors.WeightsBroken) as failure:
        engine.draw(replace(toy, weights=Weights(source="weights")), image())

    assert failure.value.params == {"variant": "toy"}
    assert failure.value.__cause__ is not None
    assert engine.loaded == ()
    assert engine.draw(toy, image()).width == 64


@pytest.mark.parametrize(
    "change",
    [
        {"family": "elsewhere"},
        {"dtype": "int4"},
        {"scheduler": {"shfit": 3.0}},
        {"weights": Weights(source="Qwen/Qwen-Image")},
        {"weights": Weights(source="Qwen/Qwen-Image", revision="main")},
    ],
)
def test_a_variant_that_names_nothing_usable_cannot_be_loaded(
    engine: Engine, toy: Variant, change: dict[str, Any]
) -> None:
    with pytest.raises(errors.WeightsBroken) as failure:
        engine.load(replace(toy, **change))
    assert str(failure.value.__cause__)
