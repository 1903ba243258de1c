"""A picture's drawing as a coroutine that pauses wherever its pipeline calls the transformer.

So stock pipelines, which run from words to pixels in one call, can be stepped side by side: each
keeps its own schedule, guidance and noise. Knows no pipeline and runs no forward.
"""

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import torch
from greenlet import getcurrent, greenlet

from engine.family import Kind

if TYPE_CHECKING:
    from engine.loras.adapters import Worn

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One forward that a drawing waits for, with the LoRAs that its row wears.

    Calls of an equal `group` can be one forward; one of None has its own. `kind` is that for
    which it is measured what sharing brings.
    """

    forward: Callable[[Sequence["Call"]], Sequence[Any]]
    arguments: tuple[Any, ...]
    named: Mapping[str, Any]
    worn: tuple["Worn", ...] = ()
    group: Hashable = None
    kind: Kind = ("", "", 0, 0)


class Drawing(Generic[T]):
    """Work under way: it waits for a `call`, or has ended in a `result` or an `error`.

    `seconds` is its own time, and its share of the forwards that it was in.
    """

    def __init__(self, work: Callable[["Drawing[T]"], T]) -> None:
        self.call: Call | None = None
        self.result: T | None = None
        self.error: Exception | None = None
        self._seconds = 0.0
        self._resumed_at: float | None = None
        self._coroutine = _Coroutine(lambda: work(self))
        # What is bound for the log here is bound there too.
        self._coroutine.gr_context = copy_context()

    @property
    def ended(self) -> bool:
        """Tell whether nothing of it is left to do."""
        return bool(self._coroutine.dead) or self.error is not None

    @property
    def seconds(self) -> float:
        """Return what it has taken so far."""
        now = time.perf_counter()
        return self._seconds + (now - self._resumed_at if self._resumed_at is not None else 0.0)

    def took(self, seconds: float) -> None:
        """Count its share of a forward."""
        self._seconds += seconds

    def resume(self, brought: Any = None) -> None:
        """Go on to the next forward or to the end, with what the last forward gave."""
        self._go(lambda: self._coroutine.switch(brought))

    def stop(self, error: Exception) -> None:
        """Raise `error` where it waits: what it holds is given back."""
        self._go(lambda: self._coroutine.throw(error))

    def finished(self) -> T:
        """Return what it made. Raises what it ended with."""
        if self.error is not None:
            raise self.error
        assert self.result is not None, "it has not ended"
        return self.result

    def _go(self, move: Callable[[], Any]) -> None:
        self.call, self._resumed_at = None, time.perf_counter()
        try:
            # Where it pauses inside of such a block, the mode would stay as it has it.
            with torch.no_grad():
                came = move()
        except Exception as error:  # the caller's to answer, beside what others end with
            self.error = error
        else:
            if self._coroutine.dead:
                self.result = came
            else:
                self.call = came
        finally:
            self._seconds = self.seconds
            self._resumed_at = None


class _Coroutine(greenlet):
    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__(lambda _brought: work())


def meet(call: Call) -> Any:
    """Wait for what the call's forward gives; outside of a drawing, run it here."""
    here = getcurrent()
    if isinstance(here, _Coroutine) and here.parent:
        return here.parent.switch(call)
    return call.forward([call])[0]
