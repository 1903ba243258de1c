"""A style to teach: a print in two inks on paper, the second plate a little off.

It owns the look and the pictures that a LoRA learns it from; it must not know how it is learnt.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageOps

from starter.catalog import Catalog, Language
from starter.prompts import Speaker
from starter.scenes import OVERSAMPLE, POSES, Pixels, Scene, compose, glyph, sticker
from starter.wishes import Wish

PAPER, BLUE, CORAL = (247, 238, 219), (29, 51, 115), (255, 94, 81)
OFF = 0.035
"""How far the second plate is off, as a share of the side."""
CUTOFF = 1
"""Per cent of the darkest and the lightest that become all ink and all paper."""
THINGS = (
    *("frog", "strawberry", "banana", "whale", "grapes", "zebra"),
    *("teddy_bear", "tangerine", "ghost", "bat", "flamingo", "castle"),
)
"""Of every colour, light and dark: what a style does to a colour is learnt from nothing else."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """One picture to learn from."""

    wish: Wish
    caption: str
    scene: Scene


def printed(scene: Scene, side: int, font: Path) -> Pixels:
    """Draw a scene as a print, `side` x `side`; its background becomes paper."""
    big = side * OVERSAMPLE
    picture = Image.new("RGB", (big, big), PAPER)
    for item in scene.items:
        layer, mask = sticker(item, glyph(item.emoji, font), big)
        flat = Image.new("RGB", layer.size, "white")
        flat.paste(layer, (0, 0), layer)
        greys = ImageOps.autocontrast(flat.convert("L"), cutoff=CUTOFF)
        toned = ImageOps.colorize(greys, BLUE, PAPER, mid=CORAL)
        off = int(big * OFF)
        picture.paste(CORAL, (0, 0), ImageChops.offset(mask, off, off))
        picture.paste(BLUE, (0, 0), mask)
        picture.paste(toned, (0, 0), layer.getchannel("A"))
    return np.asarray(picture.resize((side, side), Image.Resampling.BOX))


def lessons(catalog: Catalog, speaker: Speaker) -> tuple[Lesson, ...]:
    """Return twelve things on backgrounds that the starter has seen, in English and Chinese."""
    keys = [thing.key for thing in catalog.things]
    tongues = (Language.EN, Language.ZH, Language.TW)
    made = []
    for index, key in enumerate(key for key in THINGS if key in keys):
        thing = keys.index(key)
        seen = catalog.seen_backgrounds(thing)
        wish = Wish(thing, seen[5 * index % len(seen)])
        caption = speaker.plain(wish, tongues[index % len(tongues)], index)
        made.append(Lesson(wish, caption, compose(wish, catalog, POSES[index % len(POSES)])))
    return tuple(made)


def pictures(catalog: Catalog, speaker: Speaker, side: int, font: Path) -> list[Image.Image]:
    """Return what there is to learn from."""
    taught = lessons(catalog, speaker)
    return [Image.fromarray(printed(lesson.scene, side, font)) for lesson in taught]


def write(taught: tuple[Lesson, ...], side: int, font: Path, folder: Path) -> None:
    """Write pictures and, beside each, its caption: a folder for `python -m engine lora train`."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, lesson in enumerate(taught, start=1):
        file = folder / f"{number:02}.png"
        Image.fromarray(printed(lesson.scene, side, font)).save(file)
        file.with_suffix(".txt").write_text(lesson.caption + "\n", encoding="utf-8")
