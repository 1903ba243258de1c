"""How a scene looks: glyphs as die-cut stickers with a soft shadow on a plain colour.

It owns the layout and the drawing from the emoji font; it must not know prompts or models. The
white border is what lets a red apple stand on a red background.
"""

import random
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont, ImageOps

from starter.catalog import Catalog
from starter.errors import FontMissingError
from starter.wishes import Relation, Style, Wish

FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
STRIKE = 109  # the only bitmap size in the font
OVERSAMPLE = 2
BORDER = 0.028
SHADOW_OFFSET = 0.022  # and blur, as a share of the side
SHADOW_STRENGTH = 0.30
NEAR, FAR = 0.265, 0.735  # where the centres of several things lie, across and down
SMALL = 0.42
BLOCKS = 16  # how many blocks a pixelated thing is wide
SEPIA = ((46, 26, 12), (172, 122, 74), (252, 236, 204))  # shadow, middle, light

Pixels = NDArray[np.uint8]
Place = tuple[float, float]

LAYOUTS: dict[int, tuple[Place, ...]] = {
    1: ((0.5, 0.5),),
    2: ((NEAR, 0.5), (FAR, 0.5)),
    3: ((0.5, NEAR), (NEAR, FAR), (FAR, FAR)),
    4: ((NEAR, NEAR), (FAR, NEAR), (NEAR, FAR), (FAR, FAR)),
}
BESIDE: dict[Relation, tuple[Place, Place]] = {
    Relation.LEFT: ((NEAR, 0.5), (FAR, 0.5)),
    Relation.RIGHT: ((FAR, 0.5), (NEAR, 0.5)),
    Relation.ABOVE: ((0.5, NEAR), (0.5, FAR)),
    Relation.BELOW: ((0.5, FAR), (0.5, NEAR)),
}


@dataclass(frozen=True, slots=True)
class Pose:
    """How one thing alone is shown: its side as a share of the picture, and degrees of lean."""

    scale: float
    angle: float


POSES = (Pose(0.80, 0.0), Pose(0.80, 10.0), Pose(0.80, -10.0), Pose(0.68, 0.0))
UPRIGHT, LITTLE = 0, 3


@dataclass(frozen=True, slots=True)
class Item:
    """One thing and where it sits; lengths and places are shares of the side."""

    emoji: str
    scale: float
    x: float
    y: float
    angle: float
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture to draw."""

    items: tuple[Item, ...]
    rgb: tuple[int, int, int]
    style: Style = Style.PLAIN


def compose(wish: Wish, catalog: Catalog, pose: Pose = POSES[UPRIGHT]) -> Scene:
    """Lay out a wish that names everything; the pose counts for a thing alone."""
    if wish.thing is None or wish.background is None:
        raise ValueError(wish)
    emoji = catalog.things[wish.thing].emoji
    if wish.other is not None:
        pair = zip((emoji, catalog.things[wish.other].emoji), BESIDE[wish.relation], strict=True)
        items = tuple(Item(glyph, SMALL, x, y, 0.0) for glyph, (x, y) in pair)
    elif wish.count > 1:
        items = tuple(Item(emoji, SMALL, x, y, 0.0) for x, y in LAYOUTS[wish.count])
    else:
        items = (Item(emoji, pose.scale, 0.5, 0.5, pose.angle),)
    return Scene(items, catalog.backgrounds[wish.background].rgb, wish.style)


def loose_scene(rng: random.Random, emoji: str, rgb: tuple[int, int, int]) -> Scene:
    """Place a thing anywhere that it fits, for parts that must not depend on the place."""
    scale = rng.choice((rng.uniform(0.34, 0.5), rng.uniform(0.62, 0.80)))
    room = (0.92 - scale) / 2
    x, y = (0.5 + rng.uniform(-room, room) * 0.8 for _ in range(2))
    item = Item(emoji, scale, x, y, rng.uniform(-10, 10), rng.random() < 0.5)
    style = rng.choice(tuple(Style)) if rng.random() < 0.2 else Style.PLAIN
    return Scene((item,), rgb, style)


@lru_cache(maxsize=2048)
def glyph(emoji: str, font: Path, style: Style = Style.PLAIN) -> Image.Image:
    """Return the emoji in a style as a tightly cut square RGBA picture."""
    if style is not Style.PLAIN:
        return STYLISTS[style](glyph(emoji, font))
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


def _outlined(plain: Image.Image) -> Image.Image:
    """Draw dark lines where the colours of the glyph change, white elsewhere."""
    alpha = plain.getchannel("A")
    flat = Image.new("RGB", plain.size, "white")
    flat.paste(plain, (0, 0), plain)
    smooth = flat.filter(ImageFilter.GaussianBlur(1.2))
    wide = [
        ImageChops.subtract(
            band.filter(ImageFilter.MaxFilter(5)), band.filter(ImageFilter.MinFilter(5))
        )
        for band in smooth.split()
    ]
    edge = ImageChops.lighter(ImageChops.lighter(wide[0], wide[1]), wide[2])
    rim = ImageChops.subtract(alpha, alpha.filter(ImageFilter.MinFilter(7)))
    lines = ImageChops.lighter(edge.point(lambda v: min(255, max(0, (v - 36) * 4))), rim)
    drawn = Image.merge("RGB", [ImageOps.invert(lines)] * 3).convert("RGBA")
    drawn.putalpha(alpha)
    return drawn


def _sepia(plain: Image.Image) -> Image.Image:
    toned = ImageOps.colorize(plain.convert("L"), SEPIA[0], SEPIA[2], mid=SEPIA[1]).convert("RGBA")
    toned.putalpha(plain.getchannel("A"))
    return toned


def _pixelated(plain: Image.Image) -> Image.Image:
    blocks = plain.resize((BLOCKS, BLOCKS), Image.Resampling.BOX)
    blocks.putalpha(blocks.getchannel("A").point(lambda v: 255 if v > 110 else 0))
    return blocks.resize((BLOCKS * 8, BLOCKS * 8), Image.Resampling.NEAREST)


STYLISTS = {Style.OUTLINE: _outlined, Style.SEPIA: _sepia, Style.PIXEL: _pixelated}


def draw(scene: Scene, side: int, font: Path) -> Pixels:
    """Draw one scene as `side` x `side` RGB pixels."""
    big = side * OVERSAMPLE
    picture = Image.new("RGB", (big, big), scene.rgb)
    for item in scene.items:
        layer, mask = sticker(item, glyph(item.emoji, font, scene.style), big)
        blurred = mask.filter(ImageFilter.GaussianBlur(big * SHADOW_OFFSET))
        shadow = blurred.point(lambda v: int(v * SHADOW_STRENGTH))
        picture.paste((0, 0, 0), (0, int(big * SHADOW_OFFSET)), shadow)
        picture.paste((255, 255, 255), (0, 0), mask)
        picture.paste(layer, (0, 0), layer)
    return np.asarray(picture.resize((side, side), Image.Resampling.BOX))


def sticker(item: Item, cut: Image.Image, big: int) -> tuple[Image.Image, Image.Image]:
    """Place the glyph on an empty layer and grow its outline into the sticker's mask."""
    width = round(big * item.scale)
    placed = cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if item.mirrored else cut
    placed = placed.resize((width, width), Image.Resampling.BICUBIC)
    placed = placed.rotate(item.angle, Image.Resampling.BICUBIC, expand=True)
    layer = Image.new("RGBA", (big, big))
    corner = (round(big * item.x - placed.width / 2), round(big * item.y - placed.height / 2))
    layer.paste(placed, corner)
    blurred = layer.getchannel("A").filter(ImageFilter.GaussianBlur(big * BORDER / 2))
    return layer, blurred.point(lambda v: min(255, max(0, (v - 12) * 8)))
