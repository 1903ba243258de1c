"""Pictures and captions as the transformer reads them, encoded once for all steps."""

import hashlib
import io
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from PIL import Image, ImageOps

from engine.training.learner import Learner
from engine.training.plan import Example, terms
from engine.variants.bounds import Sizes
from engine.variants.catalog import Variant


@dataclass(frozen=True, slots=True)
class Lessons:
    """Latents and words of each picture, in order."""

    latents: tuple[torch.Tensor, ...] = field(repr=False)
    words: tuple[torch.Tensor, ...] = field(repr=False)
    digest: str

    def chosen(self, rng: random.Random, count: int) -> list[int]:
        """Choose pictures of one size, each of all as likely as any other."""
        first = rng.randrange(len(self.latents))
        alike = [
            index
            for index, one in enumerate(self.latents)
            if one.shape == self.latents[first].shape
        ]
        return [first, *rng.choices(alike, k=count - 1)]


def lessons(learner: Learner, variant: Variant, examples: Sequence[Example]) -> Lessons:
    """Encode what is to be learnt."""
    pixels = terms(variant).pixels
    pictures = [fitted(example.picture, variant.sizes, pixels) for example in examples]
    known = {text: learner.words(text) for text in {one.caption for one in examples}}
    return Lessons(
        latents=tuple(learner.latents(picture) for picture in pictures),
        words=tuple(known[example.caption] for example in examples),
        digest=_digest(examples),
    )


def fitted(content: bytes, sizes: Sizes, pixels: int) -> Image.Image:
    """Return a picture in the shape nearest to its own that the variant draws, cut at the middle.

    The size is that of a preset, or the largest below it of so many pixels.
    """
    with Image.open(io.BytesIO(content)) as opened:
        picture = opened.convert("RGB")
    shape = picture.width / picture.height
    width, height = min(
        sizes.presets.values(),
        key=lambda size: max(shape * size[1] / size[0], size[0] / size[1] / shape),
    )
    share = min(1.0, (pixels / (width * height)) ** 0.5)
    size = tuple(
        max(sizes.multiple, int(side * share) // sizes.multiple * sizes.multiple)
        for side in (width, height)
    )
    return ImageOps.fit(picture, size, Image.Resampling.LANCZOS)  # type: ignore[arg-type]


def _digest(examples: Sequence[Example]) -> str:
    whole = hashlib.sha256()
    for example in examples:
        for part in (example.picture, example.caption.encode()):
            whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()
