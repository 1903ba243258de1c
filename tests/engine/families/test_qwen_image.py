import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, QwenImagePipeline
from diffusers.pipelines.qwenimage.pipeline_qwenimage import calculate_shift
from PIL import Image
from safetensors.torch import load_file, save_file

from engine import errors
from engine.engine import Engine
from engine.families import one_frame, rows
from engine.pictures.images import pixel_sha256
from engine.request import ImageRequest
from engine.variants.catalog import Catalog, StartupLora, Variant
from tests.engine import toys

Request = Callable[..., ImageRequest]

OFFICIAL = {
    "base_image_seq_len": 256,
    "base_shift": math.log(3),
    "invert_sigmas": False,
    "max_image_seq_len": 8192,
    "max_shift": math.log(3),
    "num_train_timesteps": 1000,
    "shift": 1.0,
    "shift_terminal": None,
    "stochastic_sampling": False,
    "time_shift_type": "exponential",
    "use_beta_sigmas": False,
    "use_dynamic_shifting": True,
    "use_exponential_sigmas": False,
    "use_karras_sigmas": False,
}
"""The scheduler of the Lightning repository's own diffusers script."""


def plain(project: Path) -> QwenImagePipeline:
    pipeline = QwenImagePipeline.from_pretrained(project / "weights", local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    # All else is stock; test_one_frame.py and test_shared_forwards.py bound what this changes.
    one_frame.flatten(pipeline.vae)
    rows.apart(pipeline.transformer)
    return pipeline


def fused_by_hand(project: Path) -> QwenImagePipeline:
    """Add alpha / rank x up x down to each weight, as the published fusion does."""
    pipeline = plain(project)
    lora = load_file(project / "loras" / "toy.safetensors")
    for name, weight in pipeline.transformer.named_parameters():
        module = name.removesuffix(".weight")
        if f"{module}.lora_up.weight" in lora:
            scale = float(lora[f"{module}.alpha"]) / toys.LORA_RANK
            delta = lora[f"{module}.lora_up.weight"] @ lora[f"{module}.lora_down.weight"]
            weight.data += scale * delta
    pipeline.scheduler = FlowMatchEulerDiscreteScheduler.from_config(OFFICIAL)
    return pipeline


def drawn(pipeline: QwenImagePipeline) -> Image.Image:
    picture: Image.Image = pipeline(
        prompt="a red 熊猫",
        width=64,
        height=64,
        num_inference_steps=4,
        true_cfg_scale=1.0,
        generator=torch.Generator("cpu").manual_seed(7),
    ).images[0]
    return picture


def test_the_startup_lora_is_fused_as_by_hand_and_sampled_as_published(
    engine: Engine, toy: Variant, lightning: Variant, image: Request, project: Path
) -> None:
    expected = drawn(fused_by_hand(project))
    picture = engine.draw(lightning, image(steps=4))
    unfused = engine.draw(replace(lightning, lora=None), image(steps=4))

    assert picture.pixel_sha256 == pixel_sha256(expected)
    assert picture.pixel_sha256 != unfused.pixel_sha256
    assert picture.recipe.weights_digest != unfused.recipe.weights_digest
    assert unfused.recipe.weights_digest == engine.draw(toy, image()).recipe.weights_digest


@pytest.mark.parametrize("renamed", ["{}.down", "elsewhere.{}"])
def test_a_startup_lora_that_does_not_fit_whole_is_refused(
    engine: Engine, toy: Variant, project: Path, tmp_path: Path, renamed: str
) -> None:
    tensors = load_file(project / "loras" / "toy.safetensors")
    first = next(name for name in sorted(tensors) if "lora_down" in name).split(".lora_down")[0]
    changed = {
        renamed.format(name) if name.startswith(first) else name: tensor
        for name, tensor in tensors.items()
    }
    save_file(changed, tmp_path / "odd.safetensors")
    lora = StartupLora(source=str(tmp_path), file="odd.safetensors")

    with pytest.raises(errors.WeightsBroken):
        engine.load(replace(toy, lora=lora))


def test_a_startup_lora_in_an_unknown_naming_is_refused(
    engine: Engine, toy: Variant, tmp_path: Path
) -> None:
    save_file({"some.layer.hada_w1_a": torch.ones(4, 4)}, tmp_path / "odd.safetensors")
    lora = StartupLora(source=str(tmp_path), file="odd.safetensors")

    with pytest.raises(errors.WeightsBroken):
        engine.load(replace(toy, lora=lora))


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("qwen-image-lightning-4", 4),
        ("qwen-image-lightning-8", 8),
        ("qwen-image-2512-lightning-4", 4),
        ("qwen-image-edit-2509-lightning-4", 4),
        ("qwen-image-edit-2509-lightning-8", 8),
        ("qwen-image-edit-2511-lightning-4", 4),
    ],
)
def test_lightning_variants_are_sampled_as_published_at_every_size(name: str, steps: int) -> None:
    variant = Catalog.load([name]).default
    assert variant.steps.default == steps
    scheduler = FlowMatchEulerDiscreteScheduler(**variant.scheduler)
    official = FlowMatchEulerDiscreteScheduler.from_config(OFFICIAL)
    assert {name: scheduler.config[name] for name in OFFICIAL} == OFFICIAL

    even = np.linspace(1.0, 1 / steps, steps)
    for width, height in variant.sizes.presets.values():
        shift = calculate_shift(
            (width // 16) * (height // 16),
            *(scheduler.config[name] for name in ("base_image_seq_len", "max_image_seq_len")),
            *(scheduler.config[name] for name in ("base_shift", "max_shift")),
        )
        for each in (scheduler, official):
            each.set_timesteps(sigmas=even, mu=shift)
        assert torch.equal(scheduler.sigmas, official.sigmas)
        shifted = [*(3 * even / (1 + 2 * even)), 0.0]
        assert scheduler.sigmas.tolist() == pytest.approx(shifted, abs=1e-6)


def test_four_lightning_steps_have_the_known_noise_levels() -> None:
    scheduler = FlowMatchEulerDiscreteScheduler(
        **Catalog.load(["qwen-image-lightning-4"]).default.scheduler
    )
    scheduler.set_timesteps(sigmas=[1.0, 0.75, 0.5, 0.25], mu=math.log(3))
    assert scheduler.sigmas.tolist() == pytest.approx([1.0, 0.9, 0.75, 0.5, 0.0])
