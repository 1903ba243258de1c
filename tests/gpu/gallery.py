"""A variant draws a list of prompts: pictures and figures in a folder, and what must hold of them.

It runs on any device; what needs an accelerator is only the size of the weights it is asked for.
"""

import io
import json
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from engine.drawing.picture import Picture
from engine.engine import Engine
from engine.pictures.images import pixel_sha256
from engine.request import ImageRequest
from engine.variants.catalog import PROJECT, Variant

OFFICIAL = PROJECT.parent / "shared" / "data" / "lightning-prompts.txt"
"""The prompts that Qwen-Image-Lightning's authors show their weights with, where they are kept."""
OWN = (
    'A chalkboard in front of a coffee shop that reads "Reroll 再来一张 $2", a neon sign beside it',
    "A freckled woman with red hair drinks coffee in the morning light, close-up",
    "Three paper boats on a pond, seen from above, watercolour",
    "A slide with four numbered boxes and an arrow between each two of them, flat colours",
    "一幅工笔画，画面中心是一株盛开的红色牡丹，一只蓝色蝴蝶停在花上",
    "会议室的白板上写着“三点钟开会”，一只橘猫坐在桌子上",
    "雨夜的香港老街，招牌上写着“龍鳳冰室”，地面映着霓虹灯",
    "一位银发老匠人在窗边雕刻木雕，暖光",
)
SEED = 42
LEAST_SPREAD = 6.0
"""Standard deviation of the greys: what failed is one colour, or one with a little noise."""
GB = 1e9


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture's figures; `peak_gb` is the device's memory while it was drawn."""

    prompt: str
    file: str
    pixel_sha256: str
    again_sha256: str
    spread: float
    seconds: float
    peak_gb: float

    @property
    def is_flat(self) -> bool:
        """Tell whether there is hardly anything in it."""
        return self.spread < LEAST_SPREAD

    @property
    def is_same_again(self) -> bool:
        """Tell whether the same seed drew the same pixels twice."""
        return self.pixel_sha256 == self.again_sha256


def prompts(file: Path = OFFICIAL) -> tuple[str, ...]:
    """Return the official prompts where there is the file, else a few of our own."""
    if not file.is_file():
        return OWN
    lines = file.read_text(encoding="utf-8").splitlines()
    return tuple(line.strip() for line in lines if line.strip())


def draw(engine: Engine, variant: Variant, texts: Sequence[str], folder: Path) -> tuple[Shot, ...]:
    """Draw every text twice; pictures go to `folder/<variant>/`, figures to a file beside it."""
    (folder / variant.name).mkdir(parents=True, exist_ok=True)
    _reset_peak()
    engine.load(variant)
    loaded_gb = _peak_gb()
    shots, mode = [], ""
    for number, text in enumerate(texts):
        request = _request(variant, text)
        _reset_peak()
        picture = _drawn(engine, variant, request)
        peak = _peak_gb()
        file = folder / variant.name / f"{number:02}.png"
        file.write_bytes(picture.png)
        shots.append(_shot(picture, _drawn(engine, variant, request), text, file, peak))
        mode = f"{picture.recipe.dtype}; {picture.recipe.mode}"
    summary = {
        "variant": variant.name,
        "digest": variant.digest,
        "device": engine.hardware,
        "mode": mode,
        "seed": SEED,
        "steps": variant.steps.default,
        "size": variant.sizes.default,
        "loaded_gb": loaded_gb,
        "shots": [asdict(shot) for shot in shots],
    }
    text = json.dumps(summary, ensure_ascii=False, indent=1)
    (folder / f"{variant.name}.json").write_text(text, encoding="utf-8")
    return tuple(shots)


def spread(picture: Image.Image) -> float:
    """Return the standard deviation of a picture's greys."""
    return float(np.asarray(picture.convert("L"), np.float64).std())


def _drawn(engine: Engine, variant: Variant, request: ImageRequest) -> Picture:
    with warnings.catch_warnings():
        # What is not finite is cast to some byte, and numpy says so in a warning only.
        warnings.simplefilter("error", RuntimeWarning)
        return engine.draw(variant, request)


def _request(variant: Variant, text: str) -> ImageRequest:
    width, height = variant.sizes.default
    return ImageRequest(
        variant=variant.name,
        prompt=text,
        negative="",
        width=width,
        height=height,
        steps=variant.steps.default,
        guidance=variant.guidance.default,
        seed=SEED,
    )


def _shot(picture: Picture, again: Picture, prompt: str, file: Path, peak_gb: float) -> Shot:
    image = Image.open(io.BytesIO(picture.png)).convert("RGB")
    assert pixel_sha256(image) == picture.pixel_sha256
    return Shot(
        prompt=prompt,
        file=file.name,
        pixel_sha256=picture.pixel_sha256,
        again_sha256=again.pixel_sha256,
        spread=round(spread(image), 2),
        seconds=round(again.seconds, 3),
        peak_gb=peak_gb,
    )


def _reset_peak() -> None:
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def _peak_gb() -> float:
    if not torch.cuda.is_available():
        return 0.0
    return round(torch.cuda.max_memory_allocated() / GB, 3)
