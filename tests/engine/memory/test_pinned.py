"""Layers on their way to the device pin what they hold; without an accelerator, by torch's word."""

import os
import subprocess
import sys

import torch
from diffusers import DiffusionPipeline

from engine.families.seating import seat
from engine.memory.levers import Levers, Offload
from engine.variants.catalog import PROJECT
from tests.engine import toys

WORD = "pinned_max_cached_size_mb:1"
SHOW = """
import torch
from engine.memory.device import pin_exactly
pin_exactly()
pin_exactly()
print(torch._C._accelerator_getAllocatorSettings())
"""


def shown(own: str) -> str:
    told = subprocess.run(
        [sys.executable, "-c", SHOW],
        capture_output=True,
        check=True,
        cwd=PROJECT,
        env={**os.environ, "PYTORCH_ALLOC_CONF": own},
        text=True,
    )
    return told.stdout.strip()


def test_group_offload_pins_what_layers_hold_and_no_power_of_two() -> None:
    pipe: DiffusionPipeline = toys.toy_pipeline()
    seat(pipe, "cpu", Levers(offload=Offload.GROUP))
    assert WORD in torch._C._accelerator_getAllocatorSettings()


def test_the_hosts_own_words_to_the_allocator_stay() -> None:
    own = "garbage_collection_threshold:0.5"
    assert shown(own) == f"{own},{WORD}"
    chosen = "pinned_max_cached_size_mb:64"
    assert shown(chosen) == chosen
