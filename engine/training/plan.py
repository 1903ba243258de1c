"""What is to be trained, complete and frozen, and on which variant's weights; torch-free."""

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Self

from engine import errors
from engine.request import SEED_LIMIT, ImageRequest, LoraUse
from engine.training.errors import (
    CaptionMissing,
    CaptionTooLong,
    ExamplesInvalid,
    RankInvalid,
    TrainingForbidden,
    TrainingStepsInvalid,
    TrainingUnsupported,
)
from engine.variants.catalog import VARIANTS, Catalog, Variant
from engine.variants.training import Terms

LEAST_EXAMPLES, MOST_EXAMPLES = 5, 50
CAPTION_LIMIT = 400
"""Characters of a caption, the trigger included."""


@dataclass(frozen=True, slots=True)
class Example:
    """A picture to learn from, made plain by `engine.pictures.uploads`, and what is on it."""

    picture: bytes = field(repr=False)
    caption: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One training: alpha is the rank, so that no file needs to keep it."""

    variant: str
    rank: int
    steps: int
    seed: int

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, as kept in SQL."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Build from `to_json` values. Raises TypeError on other names."""
        return cls(**values)


def trainer(base: str, folder: Path = VARIANTS) -> Variant:
    """Return the variant whose weights a base's LoRAs are trained on.

    Raises TrainingForbidden where the base's licence keeps it from being trained for others, and
    TrainingUnsupported where no undistilled weights of it are known.
    """
    known = [variant for variant in _known(folder) if variant.loras == base]
    for variant in known:
        if variant.training:
            _check_licence(variant)
            return variant
    for variant in known:
        _check_licence(variant)
    raise TrainingUnsupported(base=base)


@cache
def _known(folder: Path) -> tuple[Variant, ...]:
    catalog = Catalog.load(sorted(path.stem for path in folder.glob("*.toml")), folder)
    return tuple(catalog[name] for name in catalog.names)


def trainers(variants: Iterable[Variant], folder: Path = VARIANTS) -> Mapping[str, Variant]:
    """Return, for each base whose LoRAs these variants wear and that can be trained, on what."""
    found = {}
    for base in dict.fromkeys(one.loras for one in variants if one.loras):
        with suppress(errors.RequestRefused):
            found[base] = trainer(base, folder)
    return found


def _check_licence(variant: Variant) -> None:
    # What is trained is a derivative, and a service that trains for others is its commercial use.
    if not variant.licence.commercial:
        raise TrainingForbidden(base=variant.loras, licence=variant.licence.name)


def terms(variant: Variant) -> Terms:
    """Return a variant's terms. Raises TrainingUnsupported or TrainingForbidden."""
    _check_licence(variant)
    if variant.training is None:
        raise TrainingUnsupported(base=variant.loras or variant.name)
    return variant.training


def check(variant: Variant, plan: Plan, examples: int) -> None:
    """Raise the RequestRefused that says why this cannot be trained."""
    known = terms(variant)
    if not LEAST_EXAMPLES <= examples <= MOST_EXAMPLES:
        raise ExamplesInvalid(value=examples, least=LEAST_EXAMPLES, most=MOST_EXAMPLES)
    for value, bounds, error in (
        (plan.rank, known.rank, RankInvalid),
        (plan.steps, known.steps, TrainingStepsInvalid),
    ):
        if not bounds.allows(value):
            raise error(value=value, least=bounds.least, most=bounds.most)
    if not 0 <= plan.seed < SEED_LIMIT:
        raise errors.SeedInvalid(value=plan.seed, limit=SEED_LIMIT - 1)


def price(variant: Variant, steps: int) -> int:
    """Return the credits for so many steps, 1 at least."""
    return max(1, math.ceil(terms(variant).cost * steps / 100))


def sample(variant: Variant, prompt: str, seed: int, sha256: str) -> ImageRequest:
    """Return the request of a picture that shows what a LoRA does."""
    width, height = variant.sizes.default
    return ImageRequest(
        variant=variant.name,
        prompt=prompt,
        negative="",
        width=width,
        height=height,
        steps=variant.steps.default,
        guidance=variant.guidance.default,
        loras=(LoraUse(sha256),),
        seed=seed,
    )


def captioned(captions: Sequence[str], trigger: str) -> tuple[str, ...]:
    """Return captions that all hold the trigger word. Raises CaptionMissing or CaptionTooLong."""
    made = tuple(_with(caption.strip(), trigger.strip()) for caption in captions)
    for caption in made:
        if not caption:
            raise CaptionMissing
        if len(caption) > CAPTION_LIMIT:
            raise CaptionTooLong(length=len(caption), limit=CAPTION_LIMIT)
    return made


def _with(caption: str, trigger: str) -> str:
    if not trigger or trigger.casefold() in caption.casefold():
        return caption
    return f"{caption}, {trigger}" if caption else trigger
