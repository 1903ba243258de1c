"""Qwen-Image-Lightning at full size. `REROLL_GPU_OUT` names the folder that keeps what comes of it.

It downloads nothing: where the weights are not in the hub's cache it is skipped.
"""

import os
from pathlib import Path

import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError

from engine.engine import Engine
from engine.families.qwen_image import QwenImage
from engine.memory import device as memory_of
from engine.variants.catalog import PROJECT, Catalog, Variant
from engine.weights.finding import Place, find_lora, find_weights
from tests.gpu import gallery

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(3600)]


@pytest.fixture
def engine() -> Engine:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    # What another test loaded would count in this one's peak.
    memory_of.empty()
    return Engine(offline=True)


@pytest.fixture(params=["qwen-image-lightning-8", "qwen-image-lightning-4"])
def variant(request: pytest.FixtureRequest, engine: Engine) -> Variant:
    found = Catalog.load([request.param]).default
    place = Place(PROJECT, offline=True)
    try:
        find_weights(found.weights, QwenImage.kits[0].parts, place)
        if found.lora:
            find_lora(found.lora, place)
    except LocalEntryNotFoundError as error:
        pytest.skip(f"the weights of {found.name} are not in the hub's cache: {error}")
    return found


def test_every_prompt_gives_a_picture_and_the_same_one_twice(
    engine: Engine, variant: Variant, tmp_path: Path
) -> None:
    folder = Path(os.environ.get("REROLL_GPU_OUT") or tmp_path)
    shots = gallery.draw(engine, variant, gallery.prompts(), folder)
    assert [shot.file for shot in shots if shot.is_flat] == []
    assert [shot.file for shot in shots if not shot.is_same_again] == []
    assert len({shot.pixel_sha256 for shot in shots}) == len(shots)
    assert variant.memory is not None
    computed = variant.memory
    whole = computed.text_encoder + computed.transformer + computed.vae
    work = max(computed.denoise, computed.decode)
    most = whole + work + memory_of.RESERVE / gallery.GB
    assert max(shot.peak_gb for shot in shots) <= most
