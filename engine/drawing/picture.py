"""What an engine tells of a picture while it is drawn, and gives in the end; torch-free."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial

from PIL import Image

from engine.drawing.meeting import Drawing
from engine.family import Preview
from engine.pictures.images import pixel_sha256, to_png
from engine.recipe import Recipe
from engine.request import ImageRequest
from engine.vendor.charge import Charge


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


@dataclass(frozen=True)
class Picture:
    """One finished picture.

    `seconds` is what it took until then, of shared forwards its share, loading included where that
    was needed; `charge` is what a vendor took for it. Its bytes and its hash are made where they
    are first asked for: elsewhere, while the next picture is drawn.
    """

    image: Image.Image = field(repr=False)
    recipe: Recipe
    seconds: float
    charge: Charge | None = None

    @property
    def width(self) -> int:
        """Return its width in pixels."""
        return self.image.width

    @property
    def height(self) -> int:
        """Return its height in pixels."""
        return self.image.height

    @cached_property
    def png(self) -> bytes:
        """Return it as PNG, with the recipe inside."""
        return to_png(self.image, self.recipe)

    @cached_property
    def pixel_sha256(self) -> str:
        """Return the hash of its pixels alone."""
        return pixel_sha256(self.image)


def unwatched(_step: Step) -> None:
    """Watch no step."""


class Watcher:
    """Tells one picture's steps as its family reports them, and what it became."""

    def __init__(
        self, drawing: Drawing[Picture], request: ImageRequest, on_step: Callable[[Step], None]
    ) -> None:
        self._drawing, self._request, self._on_step = drawing, request, on_step
        self._paid: Charge | None = None

    def __call__(
        self,
        index: int,
        preview: Preview | None,
        /,
        *,
        total: int | None = None,
        charge: Charge | None = None,
    ) -> None:
        """Hear of a step; what the callback raises ends the picture."""
        self._paid = charge or self._paid
        shown = partial(_shown, preview) if preview else None
        self._on_step(Step(index, total or self._request.steps, shown, self._paid))

    def picture(self, image: Image.Image, recipe: Recipe) -> Picture:
        """Return the finished picture."""
        return Picture(image, recipe, self._drawing.seconds, self._paid)


def _shown(preview: Preview) -> bytes:
    return to_png(preview())
