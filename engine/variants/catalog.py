"""The variants: TOML files read into frozen values, and what each allows; torch-free."""

import hashlib
import json
import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from engine import errors
from engine.request import SEED_LIMIT, WHOLE, Drawn, GenerationRequest
from engine.variants.bounds import (
    MOST_LORAS,
    MOST_WEIGHT,
    UNGUIDED,
    WORDS_ALONE,
    Accepts,
    Guidance,
    Sizes,
    Steps,
)
from engine.variants.memory import Profile
from engine.variants.training import Terms
from engine.variants.vendor import Hosted
from engine.variants.vocabulary import Vocabulary, VocabularyUnreadable

PROJECT = Path(__file__).resolve().parents[2]
VARIANTS = Path(__file__).parent


class VariantUnreadable(ValueError):
    """A file describes no variant; the text names it and says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Where weights come from: a folder (relative to the project) or a hub repository.

    `revision` is a full commit id; without one `source` must be a folder, or the endpoint of a
    model that a vendor hosts.
    """

    source: str
    revision: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartupLora:
    """A LoRA fused once at load (Lightning): hub repository or folder, file in it, commit id."""

    source: str
    file: str
    revision: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """The weights' licence and whether a paid service may use it."""

    name: str
    commercial: bool


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One choice in the `variant` option.

    `cost` is in credits for one image at the default size and steps; `prompt_limit` in characters.
    `vocabulary` is what a small model has learnt; one without understands whatever it is asked.
    A variant without `seeds` draws another picture each time; its requests' seeds are all 0.
    `vendor` is for a model that is not on this machine but asked for, and paid, elsewhere.
    Without `memory` nothing is known beforehand of what it takes: it is loaded as it is.
    `companions` are models of other repositories that work beside the weights: what reads a
    picture for them, by the name that its family knows it by. `loras` is the base whose LoRAs it
    takes (`engine.loras.names`), empty where it takes none; `training` stands with the variant
    whose weights that base's LoRAs are trained on.
    """

    name: str
    family: str
    weights: Weights
    licence: Licence
    steps: Steps
    guidance: Guidance
    sizes: Sizes
    negative: bool
    languages: tuple[str, ...]
    glyphs: tuple[str, ...]
    cost: int
    max_count: int
    prompt_limit: int
    seeds: bool = True
    dtype: str = "float32"
    lora: StartupLora | None = None
    scheduler: Mapping[str, Any] = field(default_factory=dict)
    vocabulary: Vocabulary | None = None
    vendor: Hosted | None = None
    memory: Profile | None = None
    accepts: Accepts = WORDS_ALONE
    companions: Mapping[str, Weights] = field(default_factory=dict)
    loras: str = ""
    training: Terms | None = None

    @classmethod
    def from_toml(cls, name: str, text: str) -> Self:
        """Read one file, and the words it names.

        Raises TypeError or KeyError on unknown or missing keys, and VocabularyUnreadable.
        """
        values = tomllib.loads(text)
        presets = {key: (w, h) for key, (w, h) in values["sizes"].pop("presets").items()}
        lora = values.pop("lora", None)
        words = values.pop("vocabulary", None)
        hosted = values.pop("vendor", None)
        memory = values.pop("memory", None)
        training = values.pop("training", None)
        return cls(
            name=name,
            weights=Weights(**values.pop("weights")),
            licence=Licence(**values.pop("licence")),
            steps=Steps(**values.pop("steps")),
            guidance=Guidance(**values.pop("guidance")),
            sizes=Sizes(presets=presets, **values.pop("sizes")),
            languages=tuple(values.pop("languages")),
            glyphs=tuple(values.pop("glyphs")),
            lora=StartupLora(**lora) if lora else None,
            vocabulary=_vocabulary(**words) if words else None,
            vendor=Hosted.from_toml(hosted) if hosted else None,
            memory=Profile(**memory) if memory else None,
            training=Terms.from_toml(training) if training else None,
            accepts=Accepts(**values.pop("accepts", {})),
            companions={name: Weights(**one) for name, one in values.pop("companions", {}).items()},
            **values,
        )

    @cached_property
    def digest(self) -> str:
        """Return the sha256 of what decides pixels: weights, startup LoRA, scheduler, dtype."""
        decides = [self.family, self.weights, self.lora, dict(self.scheduler), self.dtype]
        decides += [self.vendor.decides] if self.vendor else []
        decides += [self.accepts.control] if self.accepts.control else []
        decides += [dict(self.companions)] if self.companions else []
        text = json.dumps(decides, sort_keys=True, default=repr)
        return hashlib.sha256(text.encode()).hexdigest()

    def price(self, request: GenerationRequest) -> int:
        """Return credits for the whole order: cost x pixels x steps, never below 1 per image.

        A vendor's model costs in proportion to the vendor's own price.
        """
        width, height = self.sizes.default
        if self.vendor:
            estimate = self.vendor.estimate
            count = len(request.references)
            share = estimate(request.width, request.height, count) / estimate(width, height)
        else:
            usual = width * height * self.steps.default
            share = request.width * request.height * request.steps / usual
        return max(1, math.ceil(self.cost * share - 1e-9)) * request.count

    def tiles(self, request: Drawn) -> bool:
        """Tell whether a request is for a canvas larger than one forward draws."""
        size = (request.width, request.height)
        whole = self.accepts.canvas and request.canvas and not request.mask
        if not whole or self.vendor or self.sizes.allows(*size):
            return False
        return self.sizes.allows_tiled(*size)

    def check(self, request: GenerationRequest) -> None:
        """Raise the RequestRefused that says why this variant cannot do `request`."""
        self._check_texts(request)
        self._check_numbers(request)
        self._check_pictures(request)
        self._check_loras(request)

    def _check_texts(self, request: GenerationRequest) -> None:
        for text in (request.prompt, request.negative):
            if len(text) > self.prompt_limit:
                raise errors.PromptTooLong(length=len(text), limit=self.prompt_limit)
        if not request.prompt.strip():
            raise errors.PromptEmpty
        if request.negative and not self.negative:
            raise errors.NegativeUnsupported(variant=self.name)
        if request.negative and request.guidance <= UNGUIDED:
            raise errors.NegativeUnguided(guidance=request.guidance)

    def _check_numbers(self, request: GenerationRequest) -> None:
        if not self.sizes.allows(request.width, request.height) and not self.tiles(request):
            choices = ", ".join(f"{w}x{h}" for w, h in self.sizes.presets.values())
            raise errors.SizeUnsupported(
                width=request.width, height=request.height, choices=choices
            )
        if not 1 <= request.count <= self.max_count:
            raise errors.CountInvalid(value=request.count, limit=self.max_count)
        for seed in request.seeds:
            if not 0 <= seed < SEED_LIMIT:
                raise errors.SeedInvalid(value=seed, limit=SEED_LIMIT - 1)
        if not self.seeds and any(request.seeds):
            raise errors.SeedUnsupported(variant=self.name)
        for value, bounds, error in (
            (request.steps, self.steps, errors.StepsInvalid),
            (request.guidance, self.guidance, errors.GuidanceInvalid),
        ):
            if not bounds.least <= value <= bounds.most:
                raise error(value=value, least=bounds.least, most=bounds.most)

    def _check_pictures(self, request: GenerationRequest) -> None:
        accepts, count = self.accepts, len(request.references)
        painted = accepts.canvas or accepts.border or (accepts.mask and request.mask)
        if request.canvas and not painted:
            raise errors.CanvasUnsupported(variant=self.name)
        if request.mask and not (accepts.mask or accepts.border):
            raise errors.MaskUnsupported(variant=self.name)
        if count > accepts.most_references:
            raise errors.PicturesTooMany(
                variant=self.name, value=count, limit=accepts.most_references
            )
        no_mask = accepts.needs_mask and not request.mask
        no_canvas = request.mask and not request.canvas
        if count < accepts.least_references or no_mask or no_canvas:
            raise errors.PictureMissing(variant=self.name)
        if not 0 < request.strength <= WHOLE:
            raise errors.StrengthInvalid(value=request.strength)

    def _check_loras(self, request: GenerationRequest) -> None:
        uses = request.loras
        if uses and not self.loras:
            raise errors.LorasUnsupported(variant=self.name)
        if len(uses) > MOST_LORAS:
            raise errors.LorasTooMany(value=len(uses), limit=MOST_LORAS)
        if len({use.sha256 for use in uses}) < len(uses):
            raise errors.LoraRepeated
        for use in uses:
            if not abs(use.weight) <= MOST_WEIGHT:
                raise errors.LoraWeightInvalid(value=use.weight, limit=MOST_WEIGHT)


class Catalog:
    """The variants that are switched on here, in the order given.

    In `folder` lie the files of all variants, of those too that are not switched on.
    """

    def __init__(self, variants: Iterable[Variant], folder: Path = VARIANTS) -> None:
        self._variants = {variant.name: variant for variant in variants}
        self.folder = folder

    @classmethod
    def load(cls, names: Iterable[str], folder: Path = VARIANTS) -> Self:
        """Read the named variants.

        Raises VariantUnknown for a name without a file, VariantUnreadable or VocabularyUnreadable.
        """
        return cls((_read(name, folder) for name in names), folder)

    def __getitem__(self, name: str) -> Variant:
        """Return a variant. Raises VariantUnknown."""
        if name not in self._variants:
            raise errors.VariantUnknown(name=name, known=", ".join(self._variants))
        return self._variants[name]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names; the first is the default."""
        return tuple(self._variants)

    @property
    def default(self) -> Variant:
        """Return the variant taken when a member names none."""
        return next(iter(self._variants.values()))


def _vocabulary(*, file: str, examples: Sequence[str] = (), phrasings: str = "") -> Vocabulary:
    return Vocabulary.load(PROJECT / file, examples, PROJECT / phrasings if phrasings else None)


def _read(name: str, folder: Path) -> Variant:
    files = {path.stem: path for path in sorted(folder.glob("*.toml"))}
    if name not in files:
        raise errors.VariantUnknown(name=name, known=", ".join(files))
    try:
        return Variant.from_toml(name, files[name].read_text(encoding="utf-8"))
    except VocabularyUnreadable:
        raise
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        said = f"{error} is missing" if isinstance(error, KeyError) else error
        raise VariantUnreadable(f"{files[name]} describes no variant: {said}.") from error
