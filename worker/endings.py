"""Claims end beside the drawing: looked at, labelled, kept and written while the next is drawn."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")

MOST = 16
"""Handed over and not done: where keeping pictures is slower than drawing, drawing waits, since
they lie in memory until then. A lone picture's ending has two parts: it is kept, then written."""


class Endings:
    """One thread, so that claims end in the order in which they are handed over."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="endings")
        self._under_way: deque[Future[Any]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Wait for all. Raises what one ended with, unless the block has raised by itself."""
        self._thread.shutdown()
        if error is None:
            self.wait()

    def add(self, end: Callable[[], T]) -> Future[T]:
        """Hand over a part of an ending, which will run. Raises what an earlier one ended with."""
        added = self._thread.submit(end)
        self._under_way.append(added)
        while (left := len(self._under_way)) > MOST or (left > 1 and self._under_way[0].done()):
            self._under_way.popleft().result()
        return added

    def wait(self) -> bool:
        """Wait for all of them; tell whether there was any. Raises what one ended with."""
        waited = bool(self._under_way)
        while self._under_way:
            self._under_way.popleft().result()
        return waited
