"""How a scene looks: one glyph as a die-cut sticker with a soft shadow on a plain colour.

It owns the drawing from the emoji font, and must not know prompts or models. The white border is
what lets a red apple stand on a red background.
"""

import random
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from starter.errors import FontMissingError

FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
SCALES = (0.64, 0.72, 0.80)
ANGLES = (-10.0, 0.0, 10.0)
STRIKE = 109  # the only bitmap size in the font
OVERSAMPLE = 2
BORDER = 0.028
SHADOW = (0.022, 0.30)  # offset and blur as a share of the side, strength

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture to draw: indices into the catalog, and where the thing sits."""

    thing: int
    background: int
    scale: float
    x: float
    y: float
    angle: float
    mirrored: bool


def random_scene(rng: random.Random, thing: int, background: int) -> Scene:
    """Place a thing anywhere that it fits, for parts that must not depend on the place."""
    scale = rng.uniform(0.62, 0.80)
    room = (0.92 - scale) / 2
    return Scene(
        thing=thing,
        background=background,
        scale=scale,
        x=0.5 + rng.uniform(-room, room) * 0.8,
        y=0.5 + rng.uniform(-room, room) * 0.8,
        angle=rng.uniform(-10, 10),
        mirrored=rng.random() < 0.5,
    )


def poses(thing: int, background: int) -> tuple[Scene, ...]:
    """Return the ways in which the starter may be taught to draw a thing.

    Free placement was tried: every pixel of shift is another latent to learn, and shapes stayed
    blots for as long as a laptop can be asked to train.
    """
    return tuple(
        Scene(thing, background, scale, 0.5, 0.5, angle, mirrored)
        for scale, angle, mirrored in product(SCALES, ANGLES, (False, True))
    )


@lru_cache(maxsize=512)
def glyph(emoji: str, font: Path) -> Image.Image:
    """Return the emoji as a tightly cut square RGBA picture."""
    if not font.is_file():
        raise FontMissingError(font)
    face = ImageFont.truetype(str(font), STRIKE)
    canvas = Image.new("RGBA", (2 * STRIKE, 2 * STRIKE))
    ImageDraw.Draw(canvas).text((STRIKE // 4, STRIKE // 4), emoji, font=face, embedded_color=True)
    cut = canvas.crop(canvas.getbbox())
    side = max(cut.size)
    square = Image.new("RGBA", (side, side))
    square.paste(cut, ((side - cut.width) // 2, (side - cut.height) // 2))
    return square


def draw(scene: Scene, emoji: str, rgb: tuple[int, int, int], side: int, font: Path) -> Pixels:
    """Draw one scene as `side` x `side` RGB pixels."""
    big = side * OVERSAMPLE
    picture = Image.new("RGB", (big, big), rgb)
    layer, mask = _sticker(scene, glyph(emoji, font), big)
    offset, strength = SHADOW
    shadow = mask.filter(ImageFilter.GaussianBlur(big * offset)).point(lambda v: int(v * strength))
    picture.paste((0, 0, 0), (0, int(big * offset)), shadow)
    picture.paste((255, 255, 255), (0, 0), mask)
    picture.paste(layer, (0, 0), layer)
    return np.asarray(picture.resize((side, side), Image.Resampling.BOX))


def _sticker(scene: Scene, cut: Image.Image, big: int) -> tuple[Image.Image, Image.Image]:
    """Place the glyph on an empty layer and grow its outline into the sticker's mask."""
    width = round(big * scene.scale)
    placed = cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if scene.mirrored else cut
    placed = placed.resize((width, width), Image.Resampling.BICUBIC)
    placed = placed.rotate(scene.angle, Image.Resampling.BICUBIC, expand=True)
    layer = Image.new("RGBA", (big, big))
    corner = (round(big * scene.x - placed.width / 2), round(big * scene.y - placed.height / 2))
    layer.paste(placed, corner)
    blurred = layer.getchannel("A").filter(ImageFilter.GaussianBlur(big * BORDER / 2))
    return layer, blurred.point(lambda v: min(255, max(0, (v - 12) * 8)))
