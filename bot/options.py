"""What a member typed, made into a complete request: defaults, size, seeds. Pure; knows no Discord.

Wrong input raises a RequestRefused; nothing is clamped.
"""

import re
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot import sizes
from engine.catalog import Catalog, Variant
from engine.errors import CountInvalid, PromptEmpty, SeedInvalid, SeedUnsupported
from engine.request import SEED_LIMIT, GenerationRequest

DIGITS = re.compile(r"\d{1,20}")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RemixFields:
    """The fields of the remix form; `seed` empty asks for new seeds."""

    prompt: str
    negative: str
    size: str
    seed: str


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads options with the variants and size words of this bot."""

    catalog: Catalog
    size_words: Mapping[str, str]

    def request(self, raw: RawOptions) -> GenerationRequest:
        """Return the request. Raises RequestRefused."""
        variant = self.catalog[raw.variant] if raw.variant else self.catalog.default
        count = 1 if raw.count is None else raw.count
        if not 1 <= count <= variant.max_count:
            raise CountInvalid(value=count, limit=variant.max_count)
        width, height = self._size(raw.size, variant)
        return _checked(
            variant,
            GenerationRequest(
                variant=variant.name,
                prompt=_text(raw.prompt),
                negative=_text(raw.negative or ""),
                width=width,
                height=height,
                steps=variant.steps.default if raw.steps is None else raw.steps,
                guidance=variant.guidance.default if raw.guidance is None else raw.guidance,
                seeds=_seeds(variant, raw.seed or "", count),
            ),
        )

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
        width, height = self._size(fields.size, variant)
        # Left as it was filled in, the seed stands for all of the parent's seeds.
        untouched = variant.seeds and fields.seed.strip() == str(parent.seeds[0])
        return _checked(
            variant,
            replace(
                parent,
                prompt=_text(fields.prompt),
                negative=_text(fields.negative),
                width=width,
                height=height,
                seeds=(parent.seeds if untouched else _seeds(variant, fields.seed, parent.count)),
            ),
        )

    def _size(self, text: str | None, variant: Variant) -> tuple[int, int]:
        if not (text or "").strip():
            return variant.sizes.default
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


def _seeds(variant: Variant, text: str, count: int) -> tuple[int, ...]:
    if variant.seeds:
        return seeds(text, count)
    if text.strip():
        raise SeedUnsupported(variant=variant.name)
    return (0,) * count


def _checked(variant: Variant, request: GenerationRequest) -> GenerationRequest:
    if not any(_is_visible(char) for char in request.prompt):
        raise PromptEmpty
    variant.check(request)
    return request


def _text(text: str) -> str:
    # PostgreSQL and UTF-8 cannot hold NUL and lone surrogates, and no keyboard types them.
    return UNSTORABLE.sub("", text).strip()


def _is_visible(char: str) -> bool:
    return unicodedata.category(char) not in INVISIBLE and char not in BLANKS
