"""LoRAs in memory: read into main memory, brought to the device, worn by pictures; no family."""

import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Set
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import cast

import torch

from engine import errors
from engine.loras.reading import Pair, Stream, read
from engine.loras.wearer import Wearer
from engine.request import Drawn
from engine.variants.catalog import Variant

GB = 1e9
ON_DEVICE = 1 * GB
IN_MAIN = 4 * GB
"""What LoRAs may take before the least recently used leaves; those of one picture always stay."""

Key = tuple[str, *tuple[torch.dtype, ...]]
"""A LoRA's sha256, and on the device what it is computed in."""


class Misfit(Exception):
    """A LoRA does not fit a transformer; the text names the layer."""


@dataclass(frozen=True, slots=True, eq=False)
class Adapter:
    """One LoRA's matrices, down and up, by the base's layers."""

    pairs: Mapping[str, Pair]

    @property
    def nbytes(self) -> int:
        """Return the bytes that it holds."""
        return sum(matrix.nbytes for pair in self.pairs.values() for matrix in pair)

    def to(self, device: str, dtype: torch.dtype) -> "Adapter":
        """Return it on a device, sharing what is there already."""
        return Adapter(
            {
                name: (down.to(device, dtype), up.to(device, dtype))
                for name, (down, up) in self.pairs.items()
            }
        )


@dataclass(frozen=True, slots=True)
class Worn:
    """An adapter on the device, and how much of it is added."""

    adapter: Adapter
    weight: float


class _Shelf:
    """Adapters by name, the least recently used leaving first."""

    def __init__(self, room: float) -> None:
        self._room = room
        self._held: OrderedDict[Key, Adapter] = OrderedDict()
        self._bytes = 0

    def __contains__(self, key: Key) -> bool:
        return key in self._held

    def get(self, key: Key) -> Adapter | None:
        if key in self._held:
            self._held.move_to_end(key)
        return self._held.get(key)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(key[0] for key in self._held)

    def put(self, key: Key, adapter: Adapter, staying: Set[str]) -> None:
        if key in self._held:
            return
        self._held[key] = adapter
        self._bytes += adapter.nbytes
        for other in [one for one in self._held if one != key and one[0] not in staying]:
            if self._bytes <= self._room:
                return
            self._bytes -= self._held.pop(other).nbytes

    def keep_only(self, names: Set[str]) -> bool:
        others = [key for key in self._held if key[0] not in names]
        for key in others:
            self._bytes -= self._held.pop(key).nbytes
        return bool(others)


class Adapters:
    """The adapters at hand on one device: read into main memory, then brought to the device.

    `keep` may be called from another thread, while a picture is drawn.
    """

    def __init__(
        self, device: str, *, on_device: float = ON_DEVICE, in_main: float = IN_MAIN
    ) -> None:
        self._device = device
        self._on_device, self._in_main = _Shelf(on_device), _Shelf(in_main)
        self._staying: Set[str] = frozenset()
        self._in_use: Counter[str] = Counter()
        self._reserved: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def at_hand(self) -> frozenset[str]:
        """Return the sha256 of each LoRA that is worn without its file."""
        with self._lock:
            return self._in_main.names

    def lacking(self, *requests: Drawn) -> tuple[str, ...]:
        """Return the sha256 of each LoRA whose file is needed to draw the `requests`.

        The others of them stay, whatever is kept meanwhile, until the next are asked about.
        """
        needed = dict.fromkeys(name for request in requests for name in request.lora_files)
        with self._lock:
            self._staying = frozenset(needed)
            return tuple(name for name in needed if (name,) not in self._in_main)

    def keep(self, sha256: str, content: bytes | Stream) -> None:
        """Read a canonical file into main memory. Raises LoraLost where it is another file."""
        adapter = Adapter(read(sha256, content))
        with self._lock:
            self._in_main.put((sha256,), adapter, self._stay)

    @contextmanager
    def reserved(self, request: Drawn) -> Iterator[None]:
        """Let what `request` needs stay in main memory until the block is left."""
        names = Counter(request.lora_files)
        with self._lock:
            self._reserved += names
        try:
            yield
        finally:
            with self._lock:
                self._reserved -= names

    @property
    def _stay(self) -> Set[str]:
        return self._staying | self._reserved.keys()

    @contextmanager
    def worn(
        self, variant: Variant, family: object, request: Drawn, files: Mapping[str, bytes]
    ) -> Iterator[None]:
        """Have the family wear what `request` asks for, read from `files` where not at hand.

        It is a Wearer wherever its variant takes LoRAs. One of weight 0 changes nothing and is left
        out. Raises LoraLost or LoraMisfit.
        """
        if not request.loras:
            yield
            return
        names = [use.sha256 for use in request.loras]
        self._in_use.update(names)
        dtype: torch.dtype = getattr(torch, variant.dtype)
        try:
            worn = [
                Worn(self._brought(use.sha256, files, dtype), use.weight)
                for use in request.loras
                if use.weight
            ]
            with ExitStack() as stack:
                try:
                    stack.enter_context(cast(Wearer, family).wearing(worn))
                except Misfit as error:
                    raise errors.LoraMisfit(variant=variant.name) from error
                yield
        finally:
            self._in_use -= Counter(names)

    def leave_device(self) -> bool:
        """Give back what is on the device and is not worn; tell whether there was any."""
        with self._lock:
            return self._on_device.keep_only(set(self._in_use))

    def _brought(self, sha256: str, files: Mapping[str, bytes], dtype: torch.dtype) -> Adapter:
        with self._lock:
            if there := self._on_device.get((sha256, dtype)):
                # What is used on the device is in use, wherever else it lies.
                self._in_main.get((sha256,))
                return there
            kept = self._in_main.get((sha256,))
        if kept is None:
            kept = Adapter(read(sha256, files.get(sha256, b"")))
            with self._lock:
                self._in_main.put((sha256,), kept, self._stay)
        brought = kept.to(self._device, dtype)
        with self._lock:
            self._on_device.put((sha256, dtype), brought, set(self._in_use))
        return brought
