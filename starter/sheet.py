"""A contact sheet: what the shipped weights draw, held-out pairs first, for the eye to judge.

It owns the layout; it must not know how pictures are scored.
"""

from pathlib import Path

from PIL import Image

from starter.catalog import Language
from starter.evaluate import Order, Sampling, sample
from starter.prompts import Wish
from starter.recipe import Making
from starter.weights import load_starter

COLUMNS = 12


def sheet(making: Making, sampling: Sampling, out: Path) -> None:
    """Draw every held-out pair once, in English and Chinese by turns, and save them as one PNG."""
    speaker, languages = making.speaker, (Language.EN, Language.ZH)
    orders = [
        Order(speaker.plain(Wish(*pair), languages[index % 2], index), seed=index)
        for index, pair in enumerate(making.catalog.held_out())
    ]
    pictures = sample(load_starter(making.target), orders, sampling, making.recipe.side)
    side, rows = making.recipe.side, -(-len(pictures) // COLUMNS)
    page = Image.new("RGB", (COLUMNS * side, rows * side))
    for index, picture in enumerate(pictures):
        page.paste(picture, (index % COLUMNS * side, index // COLUMNS * side))
    page.save(out)
