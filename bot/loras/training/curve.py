"""The curve of a training's losses, drawn as a small picture."""

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw

WIDTH, HEIGHT, EDGE = 480, 140, 10
SCALE = 2
"""Drawn larger and shrunk: the library draws no smooth lines."""
GROUND, LINE, FAINT, GRID = (43, 45, 49), (240, 178, 50), (120, 100, 60), (64, 66, 72)
SMOOTH = 5


def drawn(losses: Sequence[float], share: float) -> bytes:
    """Return a PNG of the losses so far; `share` of its width is what they fill."""
    paper = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), GROUND)
    pen = ImageDraw.Draw(paper)
    for quarter in range(1, 4):
        height = HEIGHT * SCALE * quarter // 4
        pen.line([(0, height), (WIDTH * SCALE, height)], fill=GRID, width=SCALE)
    if len(losses) > 1:
        top, bottom = max(losses), min(losses)
        for values, colour, width in ((losses, FAINT, SCALE), (_smoothed(losses), LINE, 3 * SCALE)):
            pen.line(_points(values, (bottom, top), share), fill=colour, width=width, joint="curve")
    file = io.BytesIO()
    paper.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS).save(file, "PNG")
    return file.getvalue()


def _points(
    values: Sequence[float], bounds: tuple[float, float], share: float
) -> list[tuple[float, float]]:
    bottom, top = bounds
    edge, spread = EDGE * SCALE, (top - bottom) or 1.0
    across = (WIDTH * SCALE - 2 * edge) * min(1.0, max(0.0, share))
    down = HEIGHT * SCALE - 2 * edge
    return [
        (edge + across * index / (len(values) - 1), edge + down * (top - value) / spread)
        for index, value in enumerate(values)
    ]


def _smoothed(values: Sequence[float]) -> list[float]:
    parts = (values[max(0, at - SMOOTH + 1) : at + 1] for at in range(len(values)))
    return [sum(part) / len(part) for part in parts]
