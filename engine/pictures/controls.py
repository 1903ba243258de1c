"""What is taken of a picture before a model sees it: its edges; knows no model, torch-free."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

WEAK, STRONG = 50, 200
"""Slopes between which an edge counts only where it goes on from a strong one: BFL's own."""
TAN_22 = 13573
"""The tangent of 22.5 degrees in 2**-15: integers alone, so that every machine draws alike."""
AROUND = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))

Plane = NDArray[np.int32]
Marks = NDArray[np.bool_]


def fitted(picture: Image.Image, width: int, height: int) -> Image.Image:
    """Return the middle of a picture in another size: stretched, it would lead the model astray."""
    return ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS)


def edges(picture: Image.Image) -> Image.Image:
    """Return Canny's edges, white on black, as OpenCV finds them in a colour picture."""
    across, down = _slopes(np.asarray(picture.convert("RGB"), dtype=np.int32))
    steep = np.abs(across) + np.abs(down)
    thin = _ridges(across, down, steep) & (steep > WEAK)
    kept = _connected(thin, thin & (steep > STRONG))
    return Image.fromarray(np.where(kept, 255, 0).astype(np.uint8)).convert("RGB")


def _slopes(colours: Plane) -> tuple[Plane, Plane]:
    """Return Sobel's slopes to the right and down, each pixel's of its steepest colour."""
    padded = np.pad(colours, ((1, 1), (1, 1), (0, 0)), mode="edge")
    top, middle, bottom = padded[:-2], padded[1:-1], padded[2:]
    columns = top + 2 * middle + bottom
    rows = bottom - top
    across = columns[:, 2:] - columns[:, :-2]
    down = rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]
    steepest = (np.abs(across) + np.abs(down)).argmax(axis=2)[..., None]
    return (
        np.take_along_axis(across, steepest, 2)[..., 0],
        np.take_along_axis(down, steepest, 2)[..., 0],
    )


def _ridges(across: Plane, down: Plane, steep: Plane) -> Marks:
    """Mark what is steeper than its neighbours up and down the slope."""
    around = np.pad(steep, 1)
    left, right = around[1:-1, :-2], around[1:-1, 2:]
    above, below = around[:-2, 1:-1], around[2:, 1:-1]
    rising, falling = np.minimum(across, down) < 0, np.maximum(across, down) >= 0
    against = rising & falling
    before = np.where(against, around[:-2, 2:], around[:-2, :-2])
    after = np.where(against, around[2:, :-2], around[2:, 2:])
    flat = np.abs(across).astype(np.int64) * TAN_22
    height = np.abs(down).astype(np.int64) << 15
    is_level = height < flat
    is_upright = height > flat + (np.abs(across).astype(np.int64) << 16)
    # Of two equal neighbours one must stay: which one is OpenCV's choice.
    level = (steep > left) & (steep >= right)
    upright = (steep > above) & (steep >= below)
    slanting = (steep > before) & (steep > after)
    ridges: Marks = np.where(is_level, level, np.where(is_upright, upright, slanting))
    return ridges


def _connected(candidates: Marks, certain: Marks) -> Marks:
    """Return the certain ones and every candidate that hangs together with one of them."""
    open_to_all = np.pad(candidates, 1)
    width = open_to_all.shape[1]
    waiting = open_to_all.ravel()
    steps = np.array([row * width + column for row, column in AROUND])
    front = np.flatnonzero(np.pad(certain, 1))
    kept = np.zeros_like(waiting)
    while front.size:
        kept[front], waiting[front] = True, False
        near = (front[:, None] + steps).ravel()
        front = np.unique(near[waiting[near]])
    return kept.reshape(open_to_all.shape)[1:-1, 1:-1]
