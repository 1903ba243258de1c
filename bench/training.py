"""What training costs beside the plain loop of diffusers' script over the same transformer.

`python -m bench.training` takes steps by turns, so that a busy machine slows both alike: ours with
its lots, checks and checkpoints, and PEFT's layers with the same loss, clip and AdamW. It prints
the medians and their ratio.
"""

import argparse
import copy
import io
import json
import logging
import statistics
import time
from collections.abc import Callable

import structlog
import torch
from peft import LoraConfig
from PIL import Image
from torch.nn.attention import SDPBackend, sdpa_kernel

from engine.engine import Engine
from engine.pictures import uploads
from engine.training.plan import Example, Plan, trainer
from engine.training.studio import begin
from engine.variants.catalog import Variant

SAVED_EACH = 20
"""Steps between checkpoints here: far more often than a worker makes them."""


def main() -> None:
    """Measure the starter."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=40)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    variant = trainer("starter")
    ways = {"ours": _ours(variant), "plain": _plain(variant)}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(options.steps + 2):
        for name, step in ways.items():
            started = time.perf_counter()
            step()
            if number > 1:  # the first ones warm up
                seconds[name].append(time.perf_counter() - started)
    figures = {name: statistics.median(taken) for name, taken in seconds.items()}
    figures["ratio"] = figures["ours"] / figures["plain"]
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


def _ours(variant: Variant) -> Callable[[], None]:
    plan = Plan(variant=variant.name, rank=8, steps=1000, seed=1)
    training = begin(Engine(), variant, plan, _examples())

    def step() -> None:
        training.advance()
        if training.step % SAVED_EACH == 0:
            io.BytesIO(training.checkpoint())

    return step


def _plain(variant: Variant) -> Callable[[], None]:
    family = Engine().lend(variant)
    assert variant.training
    known = variant.training
    transformer = copy.deepcopy(family.transformer).requires_grad_(False)
    targets = [
        name
        for name, module in transformer.named_modules()
        if isinstance(module, torch.nn.Linear)
        and f".{name}".endswith(tuple(f".{layer}" for layer in known.layers))
    ]
    lora = LoraConfig(r=8, lora_alpha=8, lora_dropout=known.dropout, target_modules=targets)
    transformer.add_adapter(lora)
    learnt = [one for one in transformer.parameters() if one.requires_grad]
    optimiser = torch.optim.AdamW(learnt, lr=known.rate, fused=True)
    words = family.words("a panda").unsqueeze(0).repeat(known.batch, 1, 1)
    clean = torch.randn(known.batch, 64, 64)

    def step() -> None:
        noise, level = torch.randn_like(clean), torch.rand(known.batch)
        noisy = (1 - level.view(-1, 1, 1)) * clean + level.view(-1, 1, 1) * noise
        optimiser.zero_grad()
        with sdpa_kernel(SDPBackend.MATH):
            found = transformer(
                hidden_states=noisy,
                timestep=level,
                encoder_hidden_states=words,
                encoder_hidden_states_mask=torch.ones(words.shape[:2], dtype=torch.bool),
                img_shapes=[[(1, 8, 8)]] * known.batch,
                return_dict=False,
            )[0]
            (found - (noise - clean)).square().mean().backward()
        torch.nn.utils.clip_grad_norm_(learnt, 1.0)
        optimiser.step()

    return step


def _examples() -> tuple[Example, ...]:
    colours = ("red", "blue", "gold", "green", "black")
    pictures = (Image.new("RGB", (128, 128), colour) for colour in colours)
    return tuple(Example(uploads.to_file(one), "a panda") for one in pictures)


if __name__ == "__main__":
    main()
