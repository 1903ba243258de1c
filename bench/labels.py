"""What labels and a signature cost: a 1 MP picture from its PNG to the file that is kept.

`python -m bench.labels` prints medians, and their share of what encoding the PNG itself takes.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image, ImageChops

from engine.labels import certificate, reading
from engine.labels.labelling import Labels
from engine.labels.seal import Seal
from engine.pictures.images import encoded
from engine.recipe import Recipe
from engine.request import ImageRequest

NUMBER = "0123456789-1"


def main() -> None:
    """Measure every step on the same picture in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    milliseconds = _measured(options.side, options.rounds)
    if options.json:
        print(json.dumps(milliseconds))
        return
    for name, median in milliseconds.items():
        print(f"{name:28} {median:7.1f} ms   {median / milliseconds['encode the PNG']:5.2f}")


def _measured(side: int, rounds: int) -> dict[str, float]:
    picture, recipe = _picture(side), _recipe(side)
    png = encoded(picture)
    with tempfile.TemporaryDirectory() as folder:
        files = certificate.make(Path(folder), "bench", datetime.now(UTC))
        signed = Labels(seal=Seal.load(*files))
    plain = Labels()
    kept = signed.kept(png, recipe, NUMBER)
    ways: dict[str, Callable[[], object]] = {
        "encode the PNG": lambda: encoded(picture),
        "label": lambda: plain.kept(png, recipe, NUMBER),
        "label and sign": lambda: signed.kept(png, recipe, NUMBER),
        "read all, signature included": lambda: reading.read(kept, signed),
        "copy with a visible label": lambda: signed.copy(kept, NUMBER, len(kept) * 2, "AI生成"),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            taken[name].append(1000 * (time.perf_counter() - started))
    return {name: statistics.median(each) for name, each in taken.items()}


def _picture(side: int) -> Image.Image:
    """Return something between a photograph and a drawing: slopes with a grain."""
    slopes = [
        Image.linear_gradient("L").resize((side, side)).rotate(90 * turn) for turn in range(3)
    ]
    grain = Image.effect_noise((side, side), 8)
    return Image.merge("RGB", [ImageChops.overlay(slope, grain) for slope in slopes])


def _recipe(side: int) -> Recipe:
    request = ImageRequest(
        variant="bench",
        prompt="一只在雨夜霓虹灯下打伞的熊猫，电影感，浅景深" * 4,
        negative="",
        width=side,
        height=side,
        steps=4,
        guidance=1.0,
        seed=7,
    )
    return Recipe(
        request=request,
        variant_digest="v" * 64,
        weights_digest="w" * 64,
        scheduler={},
        dtype="bfloat16",
        mode="exact",
        device="cuda",
        threads=0,
        versions={},
    )


if __name__ == "__main__":
    main()
