"""A training on an engine: begun or gone on with, and looked at on the way."""

from collections.abc import Sequence

from engine.drawing.picture import Picture
from engine.engine import Engine
from engine.loras.canon import Canonical
from engine.loras.names import bases
from engine.training import errors
from engine.training.learner import Learner
from engine.training.lessons import lessons
from engine.training.loop import Training
from engine.training.plan import Example, Plan, check, sample
from engine.variants.catalog import Variant

FIRST_SEED = 1
"""Of the pictures that show what a LoRA does: the same at every look."""


def begin(
    engine: Engine,
    variant: Variant,
    plan: Plan,
    examples: Sequence[Example],
    checkpoint: bytes = b"",
) -> Training:
    """Return a training on the engine's device, from its beginning or from a checkpoint.

    Raises a RequestRefused where it cannot be trained, CheckpointBroken, or what `Engine.load`
    raises.
    """
    check(variant, plan, len(examples))
    family = engine.lend(variant)
    if not isinstance(family, Learner):
        raise errors.TrainingUnsupported(base=variant.loras)
    base = bases()[variant.loras]
    training = Training(family, variant, base, plan, lessons(family, variant, examples))
    if checkpoint:
        training.resume(checkpoint)
    return training


def looks(
    engine: Engine, variant: Variant, lora: Canonical, prompts: Sequence[str]
) -> tuple[Picture, ...]:
    """Draw a picture of each prompt with a LoRA, at fixed seeds."""
    files = {lora.sha256: lora.content}
    return tuple(
        engine.draw(variant, sample(variant, prompt, FIRST_SEED + place, lora.sha256), files=files)
        for place, prompt in enumerate(prompts)
    )
