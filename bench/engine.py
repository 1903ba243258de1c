"""What the engine costs beyond the plain pipeline: draw() over a bare call, as a ratio.

`python -m bench.engine` draws the same picture both ways in turn, so that a busy machine slows
both alike, and prints the median ratio. The bare call ends at a PIL picture; draw() ends
at a hashed PNG with its recipe.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from diffusers import QwenImagePipeline

from engine.engine import Engine
from engine.request import ImageRequest
from engine.variants.catalog import PROJECT, VARIANTS, Catalog


def main() -> None:
    """Measure one variant at its default size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variant", default="starter")
    parser.add_argument("--variants-folder", type=Path, default=VARIANTS)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--guidance", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    variant = Catalog.load([options.variant], options.variants_folder).default
    width, height = variant.sizes.default
    request = ImageRequest(
        variant=variant.name,
        prompt="a panda on a red background",
        negative="",
        width=width,
        height=height,
        steps=options.steps,
        guidance=options.guidance,
        seed=7,
    )
    engine = Engine(device="cpu", threads=options.threads)
    engine.load(variant)
    pipeline = QwenImagePipeline.from_pretrained(
        PROJECT / variant.weights.source, dtype=torch.float32, local_files_only=True
    )
    pipeline.set_progress_bar_config(disable=True)

    def bare() -> None:
        pipeline(
            prompt=request.prompt,
            negative_prompt=" " if request.guidance > 1 else None,
            true_cfg_scale=request.guidance,
            width=width,
            height=height,
            num_inference_steps=request.steps,
            generator=torch.Generator("cpu").manual_seed(request.seed),
        )

    plain, ours = _alternate(bare, lambda: engine.draw(variant, request), options.rounds)
    ratios = [each / other for each, other in zip(ours, plain, strict=True)]
    print(
        f"pipeline {statistics.median(plain) * 1000:.1f} ms, "
        f"draw {statistics.median(ours) * 1000:.1f} ms, "
        f"median ratio of {len(ratios)} pairs {statistics.median(ratios):.3f}"
    )


def _alternate(
    first: Callable[[], object], second: Callable[[], object], rounds: int
) -> tuple[list[float], list[float]]:
    seconds: tuple[list[float], list[float]] = ([], [])
    for round_number in range(rounds + 2):
        for work, kept in zip((first, second), seconds, strict=True):
            started = time.perf_counter()
            work()
            # The first two rounds warm caches up.
            if round_number > 1:
                kept.append(time.perf_counter() - started)
    return seconds


if __name__ == "__main__":
    main()
