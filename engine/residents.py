"""The local variants that are loaded, and who leaves when the next one needs the room.

Knows no architecture: a family tells the bytes of its weights and takes the levers.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

import structlog
from safetensors import SafetensorError

from engine import errors
from engine.family import Local, open_local
from engine.memory import device as memory_of
from engine.memory.levers import (
    GB,
    MAIN,
    DoesNotFit,
    LeverRefused,
    Levers,
    Room,
    Taken,
    Wishes,
    choose,
    needed,
    surplus,
)
from engine.variants.catalog import Variant
from engine.weights.finding import Place

KEPT_IN_MAIN = 2 * GB
"""What variants may take side by side where others need the memory too, unless the host says."""
BROKEN = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ImportError,
    RuntimeError,
    SafetensorError,
)
"""What the libraries raise on weights that are missing, damaged or of another architecture."""

Key = tuple[str, Levers]
"""What decides how weights lie: the variant's digest and its levers."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Resident:
    """One loaded variant; others of the same weights share it, so it goes by several `names`."""

    family: Local
    names: tuple[str, ...]
    taken: Taken


class Residents:
    """Opens variants, the least recently used leaving for the next; never the one that draws."""

    def __init__(self, device: str, place: Place, wishes: Wishes) -> None:
        self._device, self._place, self._wishes = device, place, wishes
        self._held: dict[Key, Resident] = {}

    @cached_property
    def _room(self) -> Room:
        """Measure what is free, before anything is loaded. Raises LeverRefused."""
        apart = memory_of.is_apart(self._device)
        free = memory_of.free_on(self._device)
        most = min(free, self._wishes.limit_gb * GB) if self._wishes.limit_gb else free
        main = memory_of.free_in_main() if apart else None
        return Room(most, main, self._free_for_text())

    @cached_property
    def _text(self) -> str:
        """Return where text encoders lie, nothing where that is with the rest."""
        wanted = self._wishes.text
        same = memory_of.exact(wanted) == memory_of.exact(self._device)
        return "" if same else wanted

    def _free_for_text(self) -> float | None:
        if self._text in ("", MAIN):
            return None
        try:
            return memory_of.free_on(self._text)
        except (RuntimeError, AssertionError) as error:
            raise LeverRefused(f"REROLL_TEXT_DEVICE={self._text}: {error}") from error

    @cached_property
    def _shared(self) -> Room:
        # An accelerator is the worker's own; in main memory others live too.
        if self._wishes.limit_gb or memory_of.is_apart(self._device):
            return self._room
        return replace(self._room, device=min(self._room.device, KEPT_IN_MAIN))

    @property
    def names(self) -> tuple[str, ...]:
        """Return what is loaded, by every name it was asked for, the last used last."""
        # Another thread may ask while one loads.
        return tuple(name for resident in list(self._held.values()) for name in resident.names)

    def levers(self, variant: Variant) -> Levers:
        """Return how the variant is to lie here, whatever else does.

        Raises VariantTooBig, or LeverRefused for a setting that no device here can follow.
        """
        room = self._room
        if variant.memory is None:
            return Levers(
                attention=self._wishes.attention,
                compiled=self._wishes.compiled,
                fast=self._wishes.fast,
                text=self._text,
            )
        try:
            return choose(variant.memory, room, replace(self._wishes, text=self._text))
        except DoesNotFit as failure:
            raise errors.VariantTooBig(
                variant=variant.name,
                needed=round(failure.needed_gb, 2),
                free=round(failure.free_gb, 2),
                helps=failure.helps,
            ) from failure

    def held(self, variant: Variant) -> Local | None:
        """Return the variant's family if it is loaded."""
        resident = self._held.get(self._key(variant))
        return resident.family if resident else None

    def is_slow(self, variant: Variant) -> bool:
        """Tell whether a forward here may take minutes: a large model on a CPU."""
        resident = self._held.get(self._key(variant))
        large = resident is None or resident.taken.device > KEPT_IN_MAIN
        return large and not memory_of.is_apart(self._device)

    def open(self, variant: Variant) -> Local:
        """Return the variant's family, loaded. Raises WeightsBroken or VariantTooBig."""
        key = self._key(variant)
        self._rest_before(key)
        held = self._held.pop(key, None) or self._loaded(variant)
        others = (name for name in held.names if name != variant.name)
        self._held[key] = replace(held, names=(*others, variant.name))
        self._evict()
        return held.family

    def keep_only(self, variant: Variant) -> bool:
        """Evict all others; tell whether there were any."""
        others = [key for key in self._held if key != self._key(variant)]
        self._leave(others)
        return bool(others)

    def _rest_before(self, key: Key) -> None:
        # One draws at a time, and has the device's room for what only visits it to itself.
        last = next(reversed(self._held), key)
        if last != key:
            self._held[last].family.rest()

    def _key(self, variant: Variant) -> Key:
        return variant.digest, self.levers(variant)

    def _loaded(self, variant: Variant) -> Resident:
        levers = self.levers(variant)
        need = needed(variant.memory, levers) if variant.memory else Taken()
        started = time.perf_counter()
        # An accelerator's weights are read into main memory first, where what is broken costs
        # nothing that lies on it; what main memory itself is to hold must have the room before.
        self._evict(Taken(main=need.main) if memory_of.is_apart(self._device) else need)
        with broken_is_told(variant):
            family = open_local(variant, self._device, self._place)
        self._evict(need)
        family.seat(levers)
        taken = self._taken(family, need)
        _tell_loaded(variant, levers, taken, time.perf_counter() - started)
        return Resident(family, (), taken)

    def _taken(self, family: Local, need: Taken) -> Taken:
        held = family.weight()
        own = held.get(memory_of.exact(self._device), 0)
        main = 0 if self._device == MAIN else held.get(MAIN, 0)
        return Taken(own, need.work, main, sum(held.values()) - own - main)

    def _evict(self, *coming: Taken) -> None:
        held = [resident.taken for resident in self._held.values()]
        self._leave(list(self._held)[: surplus([*held, *coming], self._shared)])

    def _leave(self, keys: Sequence[Key]) -> None:
        for key in keys:
            _tell_evicted(self._held.pop(key))
        if keys:
            memory_of.empty()


@contextmanager
def broken_is_told(variant: Variant) -> Iterator[None]:
    """Raise WeightsBroken for whatever the libraries raise on weights, but for full memory."""
    try:
        yield
    except BROKEN as error:
        if memory_of.is_full(error):
            raise
        raise errors.WeightsBroken(variant=variant.name) from error


def _tell_loaded(variant: Variant, levers: Levers, taken: Taken, seconds: float) -> None:
    log.info(
        "variant loaded",
        variant=variant.name,
        seconds=round(seconds, 3),
        device_bytes=int(taken.device),
        main_bytes=int(taken.main),
        text_bytes=int(taken.aside),
        offload=levers.offload.value,
        dtype=levers.dtype(variant.dtype),
        mode=levers.mode,
    )


def _tell_evicted(resident: Resident) -> None:
    log.info(
        "variant evicted",
        variants=resident.names,
        device_bytes=int(resident.taken.device),
        main_bytes=int(resident.taken.main),
    )
