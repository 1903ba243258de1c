"""How a variant starts from a member's pictures: painting over, filling a mask, or looking. Pure.

It knows pictures and what a variant accepts, no order and no Discord.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from PIL import Image

from bot.errors import (
    EditUnsupported,
    ExpandNothing,
    ExpandTooFar,
    MaskMissing,
    UpscaleAtLimit,
)
from bot.wishes import canvases
from bot.wishes.canvases import Margins, Size
from engine.errors import (
    CanvasUnsupported,
    MaskEmpty,
    MaskUnsupported,
    PictureMissing,
    PicturesTooMany,
    RequestRefused,
)
from engine.pictures import uploads
from engine.pictures.uploads import Upload
from engine.request import WHOLE
from engine.variants.bounds import Accepts
from engine.variants.catalog import Catalog, Variant

CHANGES = {"little": 0.4, "half": 0.6, "lot": 0.8}
"""How much of a canvas changes, by the words that members choose from."""
CHANGE = "half"
NEARNESS = {"subtle": 0.4, "strong": 0.7}
"""How far variations may go from their picture."""
SCALES = {"2x": 2.0, "4x": 4.0, "max": 1024.0}
"""How much larger a picture is drawn; four megapixels end it."""
EXPAND_STRENGTH = 0.95
"""A little of what the edge gave as colours stays, so that what is new begins there."""
LEAST_GAIN = 1.05
"""Making a picture larger by less than this is not worth its price."""
MOST_GROWTH = 3
"""Times a side: of what is drawn further out the picture tells nothing."""


Allows = Callable[[str], bool]
"""Tells whether a variant of that name may draw in the channel."""


class Way(StrEnum):
    """How a variant starts from pictures."""

    LOOK = "look"
    PAINT = "paint"
    FILL = "fill"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a member gave: pictures, a mask for the first of them, how much may change."""

    pictures: tuple[Upload, ...]
    mask: Image.Image | None = None
    strength: float | None = None

    @property
    def hole(self) -> Image.Image | None:
        """Return the mask, or else what is transparent in the first picture."""
        if self.mask is not None or self.pictures[0].hole is None:
            return self.mask
        try:
            return uploads.checked_mask(self.pictures[0].hole)
        except MaskEmpty:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a request says of its pictures, and the files that it names by their sha256."""

    size: Size
    references: tuple[str, ...] = ()
    canvas: str = ""
    mask: str = ""
    strength: float = WHOLE
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    is_cut: bool = False


def edits(accepts: Accepts) -> bool:
    """Tell whether a variant can start from any picture at all."""
    return accepts.canvas or accepts.mask or accepts.most_references > 0


def varies(accepts: Accepts) -> bool:
    """Tell whether a variant can draw something near a picture."""
    looks = accepts.most_references > 0 and not accepts.needs_mask and not accepts.control
    return paints(accepts) or looks


def paints(accepts: Accepts) -> bool:
    """Tell whether a variant can paint over a whole picture."""
    return accepts.canvas and not accepts.needs_mask and accepts.least_references == 0


def fills(accepts: Accepts) -> bool:
    """Tell whether a variant can draw what lies around a picture, from it alone."""
    return (accepts.mask or accepts.border) and accepts.least_references == 0


def way(accepts: Accepts, given: Given) -> Way | None:
    """Return how a variant would start from what was given; None where it cannot."""
    count = len(given.pictures)
    others_fit = accepts.least_references <= count - 1 <= accepts.most_references
    masked = accepts.mask and others_fit and given.hole is not None
    if given.mask is not None or masked:
        return Way.FILL if masked else None
    painted = count == 1 and paints(accepts)
    looked = accepts.least_references <= count <= accepts.most_references
    if looked and not accepts.needs_mask and given.strength is None:
        return Way.LOOK
    return Way.PAINT if painted else None


def chosen(
    catalog: Catalog,
    name: str | None,
    able: Callable[[Accepts], bool],
    allows: Allows = lambda _: True,
) -> Variant:
    """Return the variant that was named, or else the first that is able and, if any is, allowed.

    Raises VariantUnknown or EditUnsupported.
    """
    if name:
        return catalog[name]
    found = _first((one for one in _all(catalog) if able(one.accepts)), allows)
    if found is None:
        raise EditUnsupported
    return found


def editor(
    catalog: Catalog, name: str | None, given: Given, allows: Allows = lambda _: True
) -> Variant:
    """Return the variant that edits what was given, as `chosen` does where none is named.

    Raises RequestRefused where it cannot.
    """
    able = (one for one in _all(catalog) if way(one.accepts, given))
    if name is None and (first := _first(able, allows)):
        return first
    variant = catalog[name] if name else _widest(catalog)
    if way(variant.accepts, given) is None:
        raise _refused(variant, given)
    return variant


def edit(variant: Variant, given: Given, size: Size | None) -> Start:
    """Return how `variant` starts from what was given, in its own size where none is named.

    Raises RequestRefused where it cannot.
    """
    kind = way(variant.accepts, given)
    if kind is None:
        raise _refused(variant, given)
    first, others = given.pictures[0].picture, given.pictures[1:]
    size = size or _size(first, variant)
    if kind is Way.LOOK:
        return _kept(size, references=[one.picture for one in given.pictures])
    if kind is Way.PAINT:
        return _kept(size, canvas=first, strength=given.strength or CHANGES[CHANGE])
    return _kept(
        size,
        canvas=first,
        mask=given.hole,
        references=[one.picture for one in others],
        strength=given.strength or WHOLE,
    )


def vary(variant: Variant, picture: Upload, strength: float, size: Size | None = None) -> Start:
    """Return how `variant` draws something near a picture. Raises EditUnsupported."""
    size = size or _size(picture.picture, variant)
    if paints(variant.accepts):
        return _kept(size, canvas=picture.picture, strength=strength)
    if varies(variant.accepts):
        return _kept(size, references=[picture.picture])
    raise EditUnsupported


def expand(
    variant: Variant, picture: Upload, margins: Margins, ratio: float | None = None
) -> Start:
    """Return how `variant` draws on beyond a picture's sides, and then to a ratio.

    Raises MaskUnsupported, ExpandNothing or ExpandTooFar.
    """
    if not fills(variant.accepts):
        raise MaskUnsupported(variant=variant.name)
    width, height = picture.picture.size
    if ratio:
        margins = canvases.filled_up((width, height), margins, ratio)
    if margins.width * margins.height < LEAST_GAIN:
        raise ExpandNothing
    if max(margins.width, margins.height) > MOST_GROWTH:
        raise ExpandTooFar(limit=MOST_GROWTH)
    ratio = width * margins.width / (height * margins.height)
    size = canvases.nearest(ratio, variant.sizes)
    exact = canvases.filled_up((width, height), margins, size[0] / size[1])
    canvas, mask = canvases.expanded(picture.picture, exact, size)
    return _kept(size, canvas=canvas, mask=mask, strength=EXPAND_STRENGTH)


def upscale(variant: Variant, picture: Upload, times: float) -> Start:
    """Return how `variant` draws a picture larger. Raises CanvasUnsupported or UpscaleAtLimit."""
    if not paints(variant.accepts):
        raise CanvasUnsupported(variant=variant.name)
    before = picture.picture.size
    size = canvases.enlarged(before, times, variant.sizes)
    if size[0] * size[1] < before[0] * before[1] * LEAST_GAIN**2:
        raise UpscaleAtLimit
    return _kept(size, canvas=picture.picture, strength=variant.accepts.upscale)


def _first(able: Iterable[Variant], allows: Allows) -> Variant | None:
    found = list(able)
    return next((one for one in found if allows(one.name)), found[0] if found else None)


def _all(catalog: Catalog) -> Iterable[Variant]:
    return (catalog[name] for name in catalog.names)


def _widest(catalog: Catalog) -> Variant:
    """Return the variant whose refusal says most: the one that takes the most pictures."""
    able = [one for one in _all(catalog) if edits(one.accepts)]
    if not able:
        raise EditUnsupported
    return max(able, key=lambda one: (one.accepts.most_references, one.accepts.mask))


def _refused(variant: Variant, given: Given) -> RequestRefused:
    accepts, count = variant.accepts, len(given.pictures)
    most = max(accepts.most_references, int(accepts.canvas))
    if not edits(accepts):
        return EditUnsupported()
    if given.mask is not None and not accepts.mask:
        return MaskUnsupported(variant=variant.name)
    if accepts.needs_mask and given.hole is None:
        return MaskMissing(variant=variant.name)
    if given.mask is not None:
        most = 1 + accepts.most_references
    if count > most:
        return PicturesTooMany(variant=variant.name, value=count, limit=most)
    if given.strength is not None and not accepts.canvas:
        return CanvasUnsupported(variant=variant.name)
    return PictureMissing(variant=variant.name)


def _size(picture: Image.Image, variant: Variant) -> Size:
    return canvases.nearest(picture.width / picture.height, variant.sizes)


def _kept(
    size: Size,
    *,
    canvas: Image.Image | None = None,
    mask: Image.Image | None = None,
    references: Iterable[Image.Image] = (),
    strength: float = WHOLE,
) -> Start:
    files: dict[str, bytes] = {}

    def keep(picture: Image.Image) -> str:
        content = uploads.to_file(picture)
        digest = hashlib.sha256(content).hexdigest()
        files[digest] = content
        return digest

    return Start(
        size=size,
        references=tuple(keep(one) for one in references),
        canvas=keep(canvases.cut(canvas, size)) if canvas else "",
        mask=keep(uploads.checked_mask(canvases.cut(mask, size))) if mask else "",
        strength=strength,
        files=files,
        is_cut=canvas is not None and canvases.is_cut(canvas.size, size),
    )
