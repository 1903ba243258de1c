"""The pictures under way on one device: each round is one forward, shared by those that can."""

import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import torch

from engine import errors
from engine.drawing.meeting import Drawing
from engine.drawing.sharing import Sharing
from engine.memory import device


class Rounds:
    """Steps drawings, the oldest first, together with all that can share its forward.

    Whatever goes wrong in a shared forward is found in smaller ones, and ends its own drawing only.
    What follows from a forward is each drawing's own, the picture's decoding above all: whoever
    steps can take one that has ended while the next one goes on.
    """

    def __init__(self, sharing: Sharing) -> None:
        self._sharing = sharing
        self._under_way: list[Drawing[Any]] = []
        self._brought: deque[tuple[Drawing[Any], Any]] = deque()

    @property
    def under_way(self) -> Sequence[Drawing[Any]]:
        """Return what has not ended, the oldest first."""
        return self._under_way

    @property
    def room(self) -> int:
        """Return how many more drawings could share the forwards of the oldest under way."""
        first = self._under_way[0].call if self._under_way else None
        return self._sharing.expected(first) - len(self._under_way) if first else 0

    @property
    def goes_on(self) -> bool:
        """Tell whether the next step only goes on with what the last forward brought."""
        return bool(self._brought)

    @torch.no_grad()
    def add(self, drawing: Drawing[Any]) -> None:
        """Take a drawing on, up to its first forward."""
        self._under_way.append(drawing)
        drawing.resume()

    @torch.no_grad()
    def step(self) -> list[Drawing[Any]]:
        """Run a forward, or go on with what one brought, until a drawing ends; return who has."""
        if not self._brought and (mates := self._mates()):
            self._share(mates)
        self._go_on()
        ended = [drawing for drawing in self._under_way if drawing.ended]
        self._under_way = [drawing for drawing in self._under_way if not drawing.ended]
        return ended

    def _mates(self) -> list[Drawing[Any]]:
        waiting = [drawing for drawing in self._under_way if drawing.call is not None]
        if not waiting or waiting[0].call is None:
            return []
        first = waiting[0].call
        if first.group is None:
            return waiting[:1]
        mates = [one for one in waiting if one.call and one.call.group == first.group]
        return mates[: self._sharing.most(first)] if mates[1:] else mates

    def _share(self, mates: Sequence[Drawing[Any]]) -> None:
        calls = [drawing.call for drawing in mates if drawing.call]
        started = time.perf_counter()
        failure: Exception | None = None
        try:
            given = calls[0].forward(calls)
        except Exception as error:
            failure = error
        if failure is not None:
            if len(mates) == 1:
                mates[0].stop(failure)
                return
            if device.is_full(failure):
                self._sharing.halve(calls[0])
            # Its traceback keeps the tensors alive that must go.
            del failure
            self._split(mates)
            return
        share = (time.perf_counter() - started) / len(mates)
        for drawing, one in zip(mates, given, strict=True):
            drawing.took(share)
            self._brought.append((drawing, one))

    def _go_on(self) -> None:
        ended = False
        while self._brought and not ended:
            drawing, one = self._brought.popleft()
            if drawing.ended:  # stopped meanwhile
                continue
            if _finite(one):
                drawing.resume(one)
            else:
                drawing.stop(errors.NotFinite())
            ended = drawing.ended

    def _split(self, mates: Sequence[Drawing[Any]]) -> None:
        device.empty()
        half = len(mates) // 2
        self._share(mates[:half])
        self._share(mates[half:])


def _finite(given: Any) -> bool:
    """Tell whether all numbers that a forward gave are numbers."""
    if isinstance(given, torch.Tensor):
        return bool(torch.isfinite(given).all())
    return all(_finite(one) for one in given) if isinstance(given, tuple | list) else True
