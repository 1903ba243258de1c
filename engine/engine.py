"""One engine per process: keeps one variant resident and draws pictures; knows no architecture."""

import functools
import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from PIL import Image
from safetensors import SafetensorError

from engine import errors
from engine.catalog import PROJECT, Variant
from engine.family import Family, Preview, open_family
from engine.images import pixel_sha256, to_png
from engine.recipe import Recipe
from engine.request import ImageRequest
from engine.vendor.charge import Charge
from engine.weights import Place

if TYPE_CHECKING:
    from engine.vendor.connection import Connection

T = TypeVar("T")

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


@dataclass(frozen=True, slots=True)
class Step:
    """One denoising step done: `index` counts from 1 to `total`.

    `preview` returns a small PNG of the picture as this step would finish it. It costs nothing
    unless called, draws no random number, and is to be called inside the callback only: the
    models it uses are busy again afterwards. A vendor shows none and counts in per cent
    instead; `charge` is what it takes for the picture, whatever comes of it.
    """

    index: int
    total: int
    preview: Callable[[], bytes] | None
    charge: Charge | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """One finished picture: `png` carries the recipe, `pixel_sha256` is of the pixels alone.

    `seconds` is wall time from the call to the file, loading included where it was needed;
    `charge` is what a vendor took for it.
    """

    png: bytes = field(repr=False)
    pixel_sha256: str
    width: int
    height: int
    recipe: Recipe
    seconds: float
    charge: Charge | None = None


def unwatched(_step: Step) -> None:
    """Watch no step."""


class Engine:
    """Draws pictures on one device, one at a time; not for several threads at once."""

    def __init__(
        self,
        *,
        device: str | None = None,
        root: Path = PROJECT,
        offline: bool = False,
        threads: int = 1,
        vendor: "Connection | None" = None,
    ) -> None:
        """Choose the device: a GPU where there is one; `vendor` draws its own models elsewhere.

        On a CPU another number of threads draws other last bits, so it is fixed rather than the
        machine's; a recipe names it, and more of them pay for large models only.
        """
        self._device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self._place = Place(root, offline, vendor)
        self._resident: tuple[Variant, Family] | None = None
        torch.set_num_threads(threads)
        # Else cuDNN may choose by timing, and the same recipe would give other pixels.
        torch.backends.cudnn.deterministic = True

    @property
    def loaded(self) -> str | None:
        """Return the resident variant's name."""
        return self._resident[0].name if self._resident else None

    @property
    def hardware(self) -> str:
        """Return the device class that a recipe names: its pixels hold on the same class only."""
        if self._device.startswith("cuda"):
            return f"cuda {torch.cuda.get_device_name(self._device)}"
        return f"{self._device} {torch.backends.cpu.get_cpu_capability()}"

    def load(self, variant: Variant) -> None:
        """Make a variant resident in place of another. Raises WeightsBroken or DeviceFull."""
        _unless_full(lambda: self._open(variant), variant.sizes.default)

    def draw(
        self, variant: Variant, request: ImageRequest, on_step: Callable[[Step], None] = unwatched
    ) -> Picture:
        """Draw one picture, loading the variant first where needed.

        What `on_step` raises, GenerationCancelled above all, ends the picture and nothing else.
        Raises WeightsBroken, VendorFailed, or DeviceFull after emptying the device's cache.
        """
        started = time.perf_counter()

        paid: Charge | None = None

        def after_step(
            index: int,
            preview: Preview | None,
            /,
            *,
            total: int | None = None,
            charge: Charge | None = None,
        ) -> None:
            nonlocal paid
            paid = charge or paid
            shown = partial(_shown, preview) if preview else None
            on_step(Step(index, total or request.steps, shown, paid))

        def work() -> tuple[Family, Image.Image]:
            family = self._open(variant)
            return family, family.draw(request, after_step)

        family, image = _unless_full(work, (request.width, request.height))
        recipe = self._recipe(variant, family, request)
        png = to_png(image, recipe)
        seconds = time.perf_counter() - started
        pixels = pixel_sha256(image)
        return Picture(png, pixels, image.width, image.height, recipe, seconds, paid)

    def _open(self, variant: Variant) -> Family:
        if variant.vendor:
            return self._read(variant)  # none of it lies on the device: what is loaded can stay
        # Variants that differ in limits or prices only share what is loaded.
        if self._resident and self._resident[0].digest == variant.digest:
            family = self._resident[1]
        else:
            self._resident = None
            _empty_memory()
            family = self._read(variant)
        self._resident = (variant, family)
        return family

    def _read(self, variant: Variant) -> Family:
        try:
            return open_family(variant, self._device, self._place)
        except BROKEN as error:
            if _is_full(error):
                raise
            raise errors.WeightsBroken(variant=variant.name) from error

    def _recipe(self, variant: Variant, family: Family, request: ImageRequest) -> Recipe:
        return Recipe(
            request=request,
            variant_digest=variant.digest,
            weights_digest=family.weights_digest,
            scheduler=family.scheduler,
            dtype=variant.dtype,
            versions=dict(_versions(family.packages)),
            **self._where(variant),
        )

    def _where(self, variant: Variant) -> dict[str, Any]:
        if variant.vendor:
            # A seed holds there for as long as the vendor sees to it; we cannot.
            return {"mode": "vendor", "device": variant.family, "threads": 0}
        return {
            # One picture per forward: nobody else's request is in the arithmetic.
            "mode": "exact",
            "device": self.hardware,
            # A GPU's pixels do not depend on it.
            "threads": torch.get_num_threads() if self._device == "cpu" else 0,
        }


def _shown(preview: Preview) -> bytes:
    return to_png(preview())


def _unless_full(work: Callable[[], T], size: tuple[int, int]) -> T:
    try:
        return work()
    except (MemoryError, RuntimeError) as error:
        if not _is_full(error):
            raise
    # Outside the handler: its traceback would keep the tensors alive that must go.
    _empty_memory()
    raise errors.DeviceFull(width=size[0], height=size[1])


@functools.cache
def _versions(packages: tuple[str, ...]) -> Mapping[str, str]:
    # Each look-up reads package files: milliseconds that every picture would pay.
    return {package: version(package) for package in packages}


def _is_full(error: Exception) -> bool:
    # torch has a class of its own for a full GPU, and for full main memory only a text.
    full = isinstance(error, MemoryError | torch.OutOfMemoryError)
    return full or "can't allocate memory" in str(error)


def _empty_memory() -> None:
    gc.collect()
    torch.cuda.empty_cache()
