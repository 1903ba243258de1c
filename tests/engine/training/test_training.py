"""Training at tiny size on the real classes: what is learnt, kept, gone on with and refused."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from engine import errors
from engine.engine import Engine
from engine.family import open_local
from engine.loras.adapters import Adapter, Worn
from engine.loras.canon import canonical
from engine.loras.names import bases
from engine.memory.levers import Levers
from engine.pictures import uploads
from engine.pictures.inputs import Inputs
from engine.request import LoraUse
from engine.training.errors import (
    CaptionMissing,
    CaptionTooLong,
    CheckpointBroken,
    ExamplesInvalid,
    RankInvalid,
    TrainingDiverged,
    TrainingForbidden,
    TrainingStepsInvalid,
    TrainingUnsupported,
)
from engine.training.lessons import Lessons, fitted, lessons
from engine.training.loop import Training
from engine.training.plan import (
    Example,
    Plan,
    captioned,
    check,
    price,
    sample,
    terms,
    trainer,
)
from engine.variants.catalog import VARIANTS, Catalog, Variant
from engine.variants.training import Bounds, Terms
from engine.weights.finding import Place
from tests.engine.loras import lora_toys

PLAN = Plan(variant="toy", rank=2, steps=6, seed=3)
TERMS = Terms(
    layers=("to_q", "to_v", "net.2"),
    rate=5e-2,
    batch=2,
    pixels=4096,
    cost=10,
    steps=Bounds(default=6, least=1, most=60),
    rank=Bounds(default=2, least=1, most=8),
    dropout=0.25,
    dtype="float32",
)
BASE = lora_toys.base("qwen_image")


def picture(colour: str, size: tuple[int, int] = (64, 64)) -> bytes:
    return uploads.to_file(Image.new("RGB", size, colour))


EXAMPLES = (
    *(Example(picture(colour), f"a {colour} panda") for colour in ("red", "blue", "gold")),
    Example(picture("green", (96, 64)), "a long green 熊猫 on a very long field"),
    Example(picture("black"), "night"),
)


@pytest.fixture(scope="module")
def taught(toy: Variant) -> Variant:
    """The toy, with terms to train LoRAs on it."""
    return replace(toy, loras="toy", training=TERMS)


@pytest.fixture(scope="module")
def family(project: Path, taught: Variant) -> Any:
    family = open_local(taught, "cpu", Place(project, offline=True))
    family.seat(Levers())
    return family


@pytest.fixture(scope="module")
def encoded(family: Any, taught: Variant) -> Lessons:
    return lessons(family, taught, EXAMPLES)


def begun(family: Any, taught: Variant, encoded: Lessons, plan: Plan = PLAN) -> Training:
    return Training(family, taught, BASE, plan, encoded)


def run(training: Training) -> Training:
    while not training.is_done:
        training.advance()
    return training


def test_velocity_is_what_the_pipeline_takes_its_step_by(
    family: Any, taught: Variant, image: Any
) -> None:
    request = image(steps=1, guidance=1.0, prompt="a red 熊猫")
    drawn = family.draw(request, Inputs(), lambda *_a, **_k: None)
    noise = family.start(request)
    with torch.no_grad():
        words = [family.words(request.prompt), family.words("a much longer text than that one is")]
        both = noise.view(1, 4, 4, -1).repeat(2, 1, 1, 1)
        velocity = family.velocity(both, torch.ones(2), words)[:1]
        pixels = family.decoded(family.grid(noise - velocity.flatten(1, 2), request))
    (decoded,) = family.pipe.image_processor.postprocess(pixels, output_type="pil")
    assert np.abs(np.asarray(decoded, int) - np.asarray(drawn, int)).max() <= 1


def test_latents_are_the_vaes_own(family: Any, image: Any) -> None:
    random = np.random.default_rng(0)
    shown = Image.fromarray(random.integers(0, 255, (64, 96, 3), dtype=np.uint8))
    latents = family.latents(shown)
    assert latents.shape == (4, 6, 16)
    pixels = family.pipe.image_processor.preprocess(shown, 64, 96)
    vae = family.pipe.vae
    with torch.no_grad():
        straight = vae.decode(vae.encode(pixels[:, :, None]).latent_dist.mode()).sample[:, :, 0]
        ours = family.decoded(family.grid(latents.flatten(0, 1)[None], image(width=96)))
    torch.testing.assert_close(ours, straight, atol=1e-4, rtol=1e-4)


def test_a_training_learns_and_its_file_is_served(
    project: Path, family: Any, taught: Variant, encoded: Lessons, image: Any
) -> None:
    before = [value.clone() for value in family.transformer.parameters()]
    calm = replace(taught, training=replace(TERMS, dropout=0.0, strength=0.75))
    training = run(begun(family, calm, encoded, replace(PLAN, steps=40)))
    assert sum(training.losses[-8:]) < 0.9 * sum(training.losses[:8])
    lora = training.lora()
    assert (lora.rank, lora.layers) == (2, 2 * 4)
    assert lora == canonical(io.BytesIO(lora.content), BASE)  # as if it had been uploaded
    assert all(map(torch.equal, before, family.transformer.parameters()))

    engine = Engine(device="cpu", root=project)
    plain = engine.draw(taught, image())
    worn = image(loras=(LoraUse(lora.sha256),))
    changed = engine.draw(taught, worn, files={lora.sha256: lora.content})
    assert changed.pixel_sha256 != plain.pixel_sha256
    request = image()
    with torch.no_grad(), family.wearing([Worn(Adapter(training._pairs), 0.75)]):
        trained = family.draw(request, Inputs(), lambda *_a, **_k: None)
    served = Image.open(io.BytesIO(changed.png)).convert("RGB")
    assert np.abs(np.asarray(trained, int) - np.asarray(served, int)).max() <= 1


def test_going_on_from_a_checkpoint_is_exact(
    family: Any, taught: Variant, encoded: Lessons
) -> None:
    whole = run(begun(family, taught, encoded))
    broken = begun(family, taught, encoded)
    for _ in range(3):
        broken.advance()
    again = begun(family, taught, encoded)
    again.resume(broken.checkpoint())
    assert again.step == 3
    run(again)
    assert again.losses == whole.losses
    assert again.lora().sha256 == whole.lora().sha256


def test_a_checkpoint_of_another_training_is_refused(
    family: Any, taught: Variant, encoded: Lessons
) -> None:
    training = begun(family, taught, encoded)
    training.advance()
    kept = training.checkpoint()
    for other in (replace(PLAN, seed=4), replace(PLAN, steps=7), replace(PLAN, rank=3)):
        with pytest.raises(CheckpointBroken):
            begun(family, taught, encoded, other).resume(kept)
    for broken in (b"", kept[:-5], kept[:40], b"\xff" * 64, b"\x02" + b"\0" * 7 + b"{}"):
        fresh = begun(family, taught, encoded)
        with pytest.raises(CheckpointBroken):
            fresh.resume(broken)
        assert fresh.step == 0


def test_what_diverges_is_told(family: Any, taught: Variant, encoded: Lessons) -> None:
    wild = replace(taught, training=replace(TERMS, rate=1e30))
    with pytest.raises(TrainingDiverged):
        run(begun(family, wild, encoded))


def test_another_seed_learns_something_else(family: Any, taught: Variant, encoded: Lessons) -> None:
    files = {
        run(begun(family, taught, encoded, replace(PLAN, seed=s))).lora().sha256 for s in (1, 2)
    }
    assert len(files) == 2


def test_a_batch_is_of_one_size_and_reaches_every_picture(encoded: Lessons) -> None:
    import random

    seen = set()
    for step in range(60):
        chosen = encoded.chosen(random.Random(step), 2)
        assert len({encoded.latents[index].shape for index in chosen}) == 1
        seen |= set(chosen)
    assert seen == set(range(len(EXAMPLES)))


@pytest.mark.parametrize(
    ("size", "fits"), [((640, 640), (64, 64)), ((300, 200), (96, 64)), ((90, 1000), (64, 64))]
)
def test_pictures_take_the_nearest_shape(
    size: tuple[int, int], fits: tuple[int, int], taught: Variant
) -> None:
    assert fitted(picture("red", size), taught.sizes, 64 * 96).size == fits


def test_a_preset_that_is_too_large_shrinks(taught: Variant) -> None:
    assert fitted(picture("red", (900, 600)), taught.sizes, 48 * 32).size == (48, 32)


@pytest.mark.parametrize(
    ("plan", "examples", "error"),
    [
        (replace(PLAN, rank=0), 5, RankInvalid),
        (replace(PLAN, rank=9), 5, RankInvalid),
        (replace(PLAN, steps=61), 5, TrainingStepsInvalid),
        (replace(PLAN, seed=-1), 5, errors.SeedInvalid),
        (PLAN, 4, ExamplesInvalid),
        (PLAN, 51, ExamplesInvalid),
    ],
)
def test_what_cannot_be_trained_is_refused(
    plan: Plan, examples: int, error: type[Exception], taught: Variant
) -> None:
    with pytest.raises(error):
        check(taught, plan, examples)
    check(taught, PLAN, 5)


def test_the_licence_decides(toy: Variant, taught: Variant) -> None:
    with pytest.raises(TrainingUnsupported):
        terms(toy)
    bound = replace(taught, licence=replace(taught.licence, commercial=False))
    with pytest.raises(TrainingForbidden):
        terms(bound)


@pytest.mark.parametrize(
    ("base", "variant"), [("starter", "starter"), ("qwen-image", "qwen-image")]
)
def test_a_base_is_trained_on_its_undistilled_weights(base: str, variant: str) -> None:
    found = trainer(base)
    assert (found.name, found.lora) == (variant, None)


@pytest.mark.parametrize(
    ("base", "error"),
    [
        ("flux1", TrainingForbidden),
        ("flux2-dev", TrainingForbidden),
        ("flux2-klein-9b", TrainingForbidden),
        ("flux2-klein-4b", TrainingUnsupported),
        ("z-image", TrainingUnsupported),
        ("no-such", TrainingUnsupported),
    ],
)
def test_other_bases_say_why_not(base: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        trainer(base)


def test_what_ships_can_be_trained_and_served() -> None:
    catalog = Catalog.load(sorted(file.stem for file in VARIANTS.glob("*.toml")))
    trained = [one for name in catalog.names if (one := catalog[name]).training]
    assert {one.name for one in trained} == {"starter", "qwen-image"}
    for variant in trained:
        known = terms(variant)
        names = bases()[variant.loras].linears
        for layer in known.layers:
            assert any(f".{name}".endswith(f".{layer}") for name in names)
        assert price(variant, known.steps.most) >= price(variant, known.steps.least) >= 1


def test_captions_hold_the_trigger() -> None:
    assert captioned(["a cat", "", "Inky dog"], "inky") == ("a cat, inky", "inky", "Inky dog")
    assert captioned(["猫"], "") == ("猫",)
    with pytest.raises(CaptionMissing):
        captioned([""], " ")
    with pytest.raises(CaptionTooLong):
        captioned(["a" * 399], "inky")


def test_a_sample_is_an_order_that_the_variant_takes(taught: Variant) -> None:
    request = sample(taught, "a cat", 5, "ab")
    assert (request.loras, request.seed, request.steps) == ((LoraUse("ab"),), 5, 3)


def test_half_precision_learns_on_checkpointed_blocks_and_resumes_exactly(
    project: Path, taught: Variant
) -> None:
    half = replace(taught, dtype="bfloat16", training=replace(TERMS, dropout=0.0))
    family: Any = open_local(half, "cpu", Place(project, offline=True))
    family.seat(Levers())
    encoded = lessons(family, half, EXAMPLES)
    whole = begun(family, half, encoded, replace(PLAN, steps=24))
    assert family.transformer.is_gradient_checkpointing
    for _ in range(18):
        whole.advance()
    again = begun(family, half, encoded, replace(PLAN, steps=24))
    again.resume(whole.checkpoint())
    assert run(again).losses == run(whole).losses
    assert sum(whole.losses[-8:]) < sum(whole.losses[:8])
    assert again.lora().sha256 == whole.lora().sha256
