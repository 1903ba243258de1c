"""Drawings as coroutines: what they leave behind for whoever steps them."""

from collections.abc import Sequence
from typing import Any

import torch

from engine.drawing.meeting import Call, Drawing, meet


class Stopped(Exception):
    """Ends the drawing."""


def forward(calls: Sequence[Call]) -> Sequence[Any]:
    return [torch.is_grad_enabled() for _ in calls]


@torch.no_grad()
def pipeline(_drawing: Drawing[bool]) -> bool:
    return bool(meet(Call(forward, (), {})))


def test_a_drawing_that_pauses_or_is_stopped_leaves_gradients_as_they_were() -> None:
    drawing = Drawing(pipeline)
    drawing.resume()
    assert torch.is_grad_enabled()
    drawing.stop(Stopped())
    assert drawing.ended
    assert torch.is_grad_enabled()


def test_a_drawing_that_goes_on_elsewhere_leaves_them_too() -> None:
    drawing = Drawing(pipeline)
    with torch.no_grad():
        drawing.resume()
    drawing.resume(True)
    assert drawing.finished()
    assert torch.is_grad_enabled()
