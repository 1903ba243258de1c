"""What a member typed, made into a complete request: defaults, size, seeds. Pure.

It knows no Discord. Wrong input raises a RequestRefused; only a size is rounded, by the rule in
bot/wishes/sizes, and never in silence.
"""

import re
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.cards.remarks import Remarks
from bot.wishes import sizes
from bot.wishes.sizes import Size
from bot.wishes.starts import Start
from engine.errors import (
    CountInvalid,
    PromptEmpty,
    RequestRefused,
    SeedInvalid,
    SeedUnsupported,
    StrengthInvalid,
)
from engine.request import SEED_LIMIT, GenerationRequest
from engine.variants.catalog import Catalog, Variant

DIGITS = re.compile(r"\d{1,20}")
PERCENT = re.compile(r"[0-9]{1,3}")
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
INVISIBLE = {"Cc", "Cf", "Cn", "Co", "Zl", "Zp", "Zs"}
BLANKS = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and symbols by category that are drawn as nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawOptions:
    """The options of /imagine as Discord hands them on; None is an option left out."""

    prompt: str
    variant: str | None = None
    size: str | None = None
    count: int | None = None
    seed: str | None = None
    negative: str | None = None
    steps: int | None = None
    guidance: float | None = None
    preset: str | None = None
    lora: str | None = None
    spoiler: bool | None = None
    polish: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemixFields:
    """The fields of the remix form; `seed` empty asks for new seeds.

    `change` is in percent; empty it leaves the strength as it was. `lora` is None where the form
    did not ask for LoRAs. The numbers can only be typed behind the prompt.
    """

    prompt: str
    negative: str
    size: str
    seed: str
    change: str = ""
    lora: str | None = None
    count: int | None = None
    steps: int | None = None
    guidance: float | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A complete request, and what its cards remark on."""

    request: GenerationRequest
    remarks: Remarks
    spoiler: bool = False
    polish: bool = False


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads options with the variants and size words of this bot."""

    catalog: Catalog
    size_words: Mapping[str, str]

    def draft(self, raw: RawOptions) -> Draft:
        """Return the request, and a remark if its size was rounded. Raises RequestRefused."""
        request = self.request(raw)
        return Draft(
            request, self.size_remark(raw.size, request), bool(raw.spoiler), bool(raw.polish)
        )

    def size_remark(self, typed: str | None, request: GenerationRequest) -> Remarks:
        """Return what a card says of a size that `request` could not take as it was typed."""
        variant = self.catalog[request.variant]
        size = self._size(typed, variant)
        if not size.typed:
            return {}
        return {
            "size": {
                "typed": size.typed,
                "width": size.width,
                "height": size.height,
                "multiple": variant.sizes.multiple,
            }
        }

    def request(self, raw: RawOptions) -> GenerationRequest:
        """Return the request. Raises RequestRefused."""
        variant = self.catalog[raw.variant] if raw.variant else self.catalog.default
        size = self._size(raw.size, variant)
        return _checked(variant, _complete(variant, raw, size.width, size.height))

    def started(self, raw: RawOptions, start: Start) -> GenerationRequest:
        """Return the request that starts from pictures, in their size. Raises RequestRefused."""
        variant = self.catalog[raw.variant] if raw.variant else self.catalog.default
        request = replace(
            _complete(variant, raw, *start.size),
            references=start.references,
            canvas=start.canvas,
            mask=start.mask,
            strength=start.strength,
        )
        return _checked(variant, request)

    def ratio(self, typed: str) -> float:
        """Return the shape that was typed, as width over height. Raises RequestRefused."""
        return sizes.ratio_of(typed, self.size_words)

    def size(self, typed: str, variant: Variant) -> Size:
        """Return the size that was typed. Raises RequestRefused."""
        return self._size(typed, variant)

    def check_size(self, typed: str, variant: str | None) -> None:
        """Raise RequestRefused for a size that `variant`, or where none is named any, cannot draw.

        What is kept is drawn by whoever is named then.
        """
        refusals = []
        others = (name for name in self.catalog.names if name != self.catalog.default.name)
        for name in (variant,) if variant else (self.catalog.default.name, *others):
            try:
                self.size(typed, self.catalog[name])
                return
            except RequestRefused as refused:
                refusals.append(refused)
        raise refusals[0]

    def alone(self, parent: GenerationRequest, nth: int) -> GenerationRequest:
        """Return the request for picture `nth` (from 1) alone; for 0, as it is."""
        return replace(parent, seeds=parent.seeds[nth - 1 : nth]) if nth else parent

    def rerolled(self, parent: GenerationRequest) -> GenerationRequest:
        """Return the parent's request with new seeds. Raises RequestRefused."""
        variant = self.catalog[parent.variant]
        return _checked(variant, replace(parent, seeds=_seeds(variant, "", parent.count)))

    def repeated(self, parent: GenerationRequest) -> GenerationRequest:
        """Return the parent's request as it is, if it is still allowed. Raises RequestRefused."""
        return _checked(self.catalog[parent.variant], parent)

    def remixed(self, parent: GenerationRequest, fields: RemixFields) -> GenerationRequest:
        """Return the parent's request with the form's changes. Raises RequestRefused."""
        variant = self.catalog[parent.variant]
        size = self._size(fields.size, variant)
        if parent.canvas:
            size = Size(parent.width, parent.height)  # it has been fitted to its canvas
        # Left as it was filled in, the seed stands for all of the parent's seeds.
        untouched = variant.seeds and fields.seed.strip() == str(parent.seeds[0])
        count = parent.count if fields.count is None else fields.count
        untouched = untouched and count == parent.count
        return _checked(
            variant,
            replace(
                parent,
                prompt=readable(fields.prompt),
                negative=readable(fields.negative),
                width=size.width,
                height=size.height,
                strength=_strength(fields.change, parent.strength),
                steps=parent.steps if fields.steps is None else fields.steps,
                guidance=parent.guidance if fields.guidance is None else fields.guidance,
                seeds=(parent.seeds if untouched else _seeds(variant, fields.seed, count)),
            ),
        )

    def _size(self, text: str | None, variant: Variant) -> Size:
        if not (text or "").strip():
            return Size(*variant.sizes.default)
        return sizes.parse(text or "", variant, self.size_words)


def seeds(text: str, count: int) -> tuple[int, ...]:
    """Return a seed per picture: counted on from the given one, else each at random.

    Raises SeedInvalid.
    """
    if not text.strip():
        return tuple(secrets.randbelow(SEED_LIMIT) for _ in range(count))
    if not DIGITS.fullmatch(text.strip()) or int(text) >= SEED_LIMIT:
        raise SeedInvalid(value=text.strip()[:40], limit=SEED_LIMIT - 1)
    return tuple((int(text) + index) % SEED_LIMIT for index in range(count))


def _complete(variant: Variant, raw: RawOptions, width: int, height: int) -> GenerationRequest:
    count = 1 if raw.count is None else raw.count
    if not 1 <= count <= variant.max_count:
        raise CountInvalid(value=count, limit=variant.max_count)
    return GenerationRequest(
        variant=variant.name,
        prompt=readable(raw.prompt),
        negative=readable(raw.negative or ""),
        width=width,
        height=height,
        steps=variant.steps.default if raw.steps is None else raw.steps,
        guidance=variant.guidance.default if raw.guidance is None else raw.guidance,
        seeds=_seeds(variant, raw.seed or "", count),
    )


def _strength(text: str, otherwise: float) -> float:
    folded = unicodedata.normalize("NFKC", text).strip().removesuffix("%").strip()
    if not folded:
        return otherwise
    if not PERCENT.fullmatch(folded) or not 0 < int(folded) <= 100:
        raise StrengthInvalid(value=text.strip()[:40])
    return int(folded) / 100


def _seeds(variant: Variant, text: str, count: int) -> tuple[int, ...]:
    if variant.seeds:
        return seeds(text, count)
    if text.strip():
        raise SeedUnsupported(variant=variant.name)
    return (0,) * count


def _checked(variant: Variant, request: GenerationRequest) -> GenerationRequest:
    if not any(is_visible(char) for char in request.prompt):
        raise PromptEmpty
    variant.check(request)
    return request


def readable(text: str) -> str:
    """Return text as it is kept and drawn from."""
    # PostgreSQL and UTF-8 cannot hold NUL and lone surrogates, and no keyboard types them.
    return UNSTORABLE.sub("", text).strip()


def is_visible(char: str) -> bool:
    """Tell whether a character is drawn as anything."""
    return unicodedata.category(char) not in INVISIBLE and char not in BLANKS
