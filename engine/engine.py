"""One engine per process: draws pictures with the variants it holds; knows no architecture."""

import functools
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from PIL import Image

from engine import errors
from engine.drawing import tiles
from engine.drawing.meeting import Drawing
from engine.drawing.picture import Picture, Step, Watcher, unwatched
from engine.drawing.rehearsing import rehearse
from engine.drawing.rounds import Rounds
from engine.drawing.sharing import Shares, Sharing
from engine.family import Family, Kind, open_family
from engine.loras.adapters import Adapters
from engine.memory import device as memory_of
from engine.memory import heap
from engine.memory.levers import MAIN, Levers, Wishes
from engine.memory.words import Shelf, Words
from engine.pictures.inputs import opened
from engine.recipe import Recipe
from engine.request import ImageRequest
from engine.residents import Residents, broken_is_told
from engine.variants.catalog import PROJECT, Variant
from engine.weights.finding import Place

if TYPE_CHECKING:
    from engine.vendor.connection import Connection

T = TypeVar("T")
ARITHMETIC = "5"
"""Counts up when our own code changes pixels' last bits: 2 since one frame is decoded in 2-D, 3
since oneDNN takes the products, 4 since it takes a vector's too, 5 since it takes GELU of them."""
NO_FILES: Mapping[str, bytes] = {}
NO_WISHES = Wishes()


class Engine:
    """Draws pictures on one device, those together that can be; not for several threads at once."""

    def __init__(
        self,
        *,
        device: str | None = None,
        root: Path = PROJECT,
        offline: bool = False,
        threads: int = 1,
        vendor: "Connection | None" = None,
        wishes: Wishes = NO_WISHES,
    ) -> None:
        """Choose the device: a GPU where there is one; `vendor` draws its own models elsewhere.

        On a CPU another number of threads draws other last bits, so it is fixed rather than the
        machine's; a recipe names it, and more of them pay for large models only. `wishes` are
        the host's for the device's memory.
        """
        self._device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self._place = Place(root, offline, vendor, _words(wishes))
        self._residents = Residents(self._device, self._place, wishes)
        self.adapters = Adapters(self._device)
        # A GPU chooses its kernels by the number of rows: only alone has a row bits of its own.
        # And what is compiled would be compiled anew for each mixture of rows and LoRAs.
        alone = wishes.compiled or (memory_of.is_apart(self._device) and not wishes.fast)
        most = wishes.rows or (1 if alone else None)
        self._sharing = Sharing(exact=not wishes.fast, most=most)
        self._rounds = Rounds(self._sharing)
        self._threads = threads
        torch.set_num_threads(threads)
        heap.keep()
        # Else cuDNN may choose by timing, and the same recipe would give other pixels.
        torch.backends.cudnn.deterministic = True

    @property
    def loaded(self) -> tuple[str, ...]:
        """Return the names of the local variants that are loaded, the last used last."""
        return self._residents.names

    @property
    def hardware(self) -> str:
        """Return the device class that a recipe names: its pixels hold on the same class only."""
        return memory_of.hardware(self._device)

    def load(self, variant: Variant) -> None:
        """Make a variant resident, others leaving where there is no room for both.

        Raises WeightsBroken, VariantTooBig or DeviceFull.
        """
        self._unless_full(variant, lambda: self._open(variant), variant.sizes.default)

    def rehearse(self, variant: Variant, *, within_s: float) -> None:
        """Measure how many pictures share a forward, which the first to meet would wait for.

        Nothing is done where the number is given or seldom more than one: for pictures that start
        from others, and large models on a CPU.
        """
        if self.rows_given or variant.vendor or variant.accepts.needs_picture:
            return
        if self._residents.is_slow(variant):
            return
        begin = functools.partial(self._drawing, variant, on_step=unwatched, files=NO_FILES)
        rehearse(begin, self._sharing, variant, within_s)

    def lend(self, variant: Variant) -> Family:
        """Return a variant's weights on the device, for something else than drawing.

        They are the engine's as before, and to be left as they were. Raises as `load` does.
        """
        return self._unless_full(variant, lambda: self._open(variant), variant.sizes.default)

    def levers(self, variant: Variant) -> Levers:
        """Return how a local variant lies and computes on this device.

        Raises VariantTooBig or LeverRefused.
        """
        return self._residents.levers(variant)

    def means(self, variant: Variant) -> dict[str, Any]:
        """Return what a recipe names beside its request; nothing of what is not loaded."""
        family = self._residents.held(variant)
        return self._means(variant, family) if family else {}

    @property
    def shares(self) -> Mapping[Kind, Shares]:
        """Return how many pictures share a forward, by what was drawn: variant, weights, size."""
        return self._sharing.measured

    @property
    def rows_given(self) -> int | None:
        """Return how many share one by a setting or by the device, None where it is measured."""
        return self._sharing.given

    def rows(self, variant: Variant, width: int, height: int) -> int:
        """Return how many pictures of such a size share a forward; 1 where it is not known yet."""
        family = self._residents.held(variant)
        found = self._sharing.measured.get(family.kind(width, height)) if family else None
        return found.rows if found else 1

    @property
    def room(self) -> int:
        """Return how many more pictures like the oldest under way could share its forwards."""
        return self._rounds.room

    def admit(
        self,
        variant: Variant,
        request: ImageRequest,
        on_step: Callable[[Step], None] = unwatched,
        files: Mapping[str, bytes] = NO_FILES,
    ) -> Drawing[Picture]:
        """Take a picture on, which `step` draws together with others: see `draw`."""
        drawing = self._drawing(variant, request, on_step, files)
        self._rounds.add(drawing)
        return drawing

    def step(self) -> Sequence[Drawing[Picture]]:
        """Do one denoising step of the oldest picture and those like it, until one ends.

        Return what has ended; where the step `goes_on`, the next call takes up the others.
        """
        return self._rounds.step()

    @property
    def goes_on(self) -> bool:
        """Tell whether the last step was left in its middle, to hand over what had ended."""
        return self._rounds.goes_on

    def draw(
        self,
        variant: Variant,
        request: ImageRequest,
        on_step: Callable[[Step], None] = unwatched,
        files: Mapping[str, bytes] = NO_FILES,
    ) -> Picture:
        """Draw one picture to its end, loading the variant first where needed.

        `files` holds by their sha256 the pictures that the request starts from, and the LoRAs that
        `adapters` lacks. What `on_step` raises, GenerationCancelled above all, ends the picture
        and nothing else. Raises InputLost, LoraLost, LoraMisfit, NotFinite, WeightsBroken,
        VariantTooBig, VendorFailed, or DeviceFull where it has no room with nothing else loaded.
        """
        drawing = self.admit(variant, request, on_step, files)
        try:
            while not drawing.ended:
                self.step()
        finally:
            # An interrupt must not leave it to those who come next.
            if not drawing.ended:
                drawing.stop(errors.GenerationCancelled())
        return drawing.finished()

    def _drawing(
        self,
        variant: Variant,
        request: ImageRequest,
        on_step: Callable[[Step], None],
        files: Mapping[str, bytes],
    ) -> Drawing[Picture]:
        def work(drawing: Drawing[Picture]) -> Picture:
            return self._picture(variant, request, files, Watcher(drawing, request, on_step))

        return Drawing(work)

    def _picture(
        self,
        variant: Variant,
        request: ImageRequest,
        files: Mapping[str, bytes],
        watcher: Watcher,
    ) -> Picture:
        inputs = opened(request, files)

        def work() -> tuple[Family, Image.Image]:
            family = self._open(variant)
            with self.adapters.worn(variant, family, request, files):
                if variant.tiles(request):
                    return family, tiles.draw(family, variant.sizes, request, inputs, watcher)
                return family, family.draw(request, inputs, watcher)

        with self.adapters.reserved(request):
            family, drawn = self._unless_full(variant, work, (request.width, request.height))
        return watcher.picture(inputs.finished(drawn), self._recipe(variant, family, request))

    def _open(self, variant: Variant) -> Family:
        if not variant.vendor:
            return self._residents.open(variant)
        with broken_is_told(variant):
            # None of it lies on the device: what is loaded can stay.
            return open_family(variant, self._device, self._place)

    def _unless_full(self, variant: Variant, work: Callable[[], T], size: tuple[int, int]) -> T:
        # Each makes room once: what the picture wears itself is back with every try.
        ways = iter(
            (self.adapters.leave_device, functools.partial(self._residents.keep_only, variant))
        )
        while True:
            try:
                return work()
            except (MemoryError, RuntimeError) as error:
                if not memory_of.is_full(error):
                    raise
            # Outside the handler: its traceback would keep the tensors alive that must go.
            left = any(leaves() for leaves in ways)
            memory_of.empty()
            # What a vendor was asked for, it would be asked for and paid twice.
            if not left or variant.vendor:
                raise errors.DeviceFull(width=size[0], height=size[1])

    def _recipe(self, variant: Variant, family: Family, request: ImageRequest) -> Recipe:
        means = self._means(variant, family)
        tiled = {"mode": means["mode"] + _in_tiles(variant, request)}
        return Recipe(request=request, **{**means, **tiled})

    def _means(self, variant: Variant, family: Family) -> dict[str, Any]:
        return {
            "variant_digest": variant.digest,
            "weights_digest": family.weights_digest,
            "scheduler": family.scheduler,
            "versions": dict(_versions(family.packages)),
            **self._where(variant),
        }

    def _where(self, variant: Variant) -> dict[str, Any]:
        if variant.vendor:
            # A seed holds there for as long as the vendor sees to it; we cannot.
            return {
                "dtype": variant.dtype,
                "mode": "vendor",
                "device": variant.family,
                "threads": 0,
            }
        levers = self.levers(variant)
        return {
            "dtype": levers.dtype(variant.dtype),
            "mode": levers.mode + self._text_elsewhere(levers),
            "device": self.hardware,
            # A GPU's pixels do not depend on it.
            "threads": self._threads if MAIN in (self._device, levers.text) else 0,
        }

    def _text_elsewhere(self, levers: Levers) -> str:
        there = memory_of.hardware(levers.text or self._device)
        return "" if there == self.hardware else f", text on {there}"


def _in_tiles(variant: Variant, request: ImageRequest) -> str:
    if not variant.tiles(request):
        return ""
    width, height = variant.sizes.tile(request.width, request.height)
    return f", painted in tiles of {width}x{height}"


def _words(wishes: Wishes) -> Words:
    return Words(shelf=Shelf(Path(wishes.words)) if wishes.words else None)


@functools.cache
def _versions(packages: tuple[str, ...]) -> Mapping[str, str]:
    # Each look-up reads package files: milliseconds that every picture would pay.
    ours = {"reroll": ARITHMETIC} if packages else {}
    return {package: version(package) for package in packages} | ours
