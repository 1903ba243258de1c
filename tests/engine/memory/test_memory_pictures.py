"""Offload where a picture is started from: what reads it stands beside what is offloaded."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine.family import open_local
from engine.memory.levers import Levers, Offload
from engine.memory.words import Words
from engine.pictures.images import pixel_sha256
from engine.pictures.inputs import opened
from engine.request import ImageRequest
from engine.variants.bounds import Accepts, Guidance
from engine.variants.catalog import Variant, Weights
from engine.weights.finding import Place
from tests.engine import edit_toys, stock_toys

Request = Callable[..., ImageRequest]
SHOWN, CANVAS, HOLE = (
    edit_toys.paper(97, 61, 1),
    edit_toys.paper(64, 48, 3),
    edit_toys.hole(64, 48),
)
LOOKS = Accepts(least_references=1, most_references=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of FLUX.1, and of the models that stand beside others'."""
    folder = tmp_path_factory.mktemp("beside")
    torch.manual_seed(0)
    stock_toys.flux1(guided=True).save_pretrained(folder / "flux1")
    for name in ("redux", "controlnet", "depth"):
        getattr(edit_toys, name)(folder / name)
    return folder


def ordered(name: str, toy: Variant, folder: Path, image: Request) -> tuple[Variant, ImageRequest]:
    """Return a variant and what is asked of it."""
    looks = image(references=(SHOWN.name,))
    if name == "redux":
        redux = {"redux": Weights(source=str(folder / "redux"))}
        variant = replace(
            toy,
            family="flux1_redux",
            weights=Weights(source=str(folder / "flux1")),
            guidance=Guidance(kind="embedded", default=2.5),
            negative=False,
            companions=redux,
            accepts=LOOKS,
        )
        return variant, replace(looks, guidance=2.5)
    if name == "control":
        beside = {part: Weights(source=str(folder / part)) for part in ("controlnet", "depth")}
        accepts = replace(LOOKS, control="depth")
        return replace(toy, family="qwen_control", companions=beside, accepts=accepts), looks
    painted = image(canvas=CANVAS.name, mask=HOLE.name, strength=0.7, width=64, height=48)
    return replace(toy, accepts=Accepts(canvas=True, mask=True)), painted


@pytest.mark.parametrize("offload", [Offload.MODEL, Offload.GROUP])
@pytest.mark.parametrize("name", ["canvas", "redux", "control"])
def test_offload_changes_no_pixel_of_a_picture_that_starts_from_one(
    name: str, toy: Variant, folder: Path, image: Request, offload: Offload
) -> None:
    variant, request = ordered(name, toy, folder, image)
    inputs = opened(request, edit_toys.files(SHOWN, CANVAS, HOLE))
    with pytest.MonkeyPatch.context() as patch, edit_toys.small_looks(patch):
        pixels = set()
        for one in (Offload.NONE, offload):
            family = open_local(variant, "cpu", Place(Path(), offline=True))
            family.seat(Levers(offload=one))
            for _ in range(2):
                drawn = family.draw(request, inputs, lambda *_, **__: None)
                pixels.add(pixel_sha256(drawn))
    assert len(pixels) == 1


def test_a_picture_that_was_painted_over_leaves_room_for_the_next_ones_words(
    toy: Variant, project: Path, image: Request, crowd: list[set[str]]
) -> None:
    variant, painted = ordered("canvas", toy, project, image)
    family = open_local(variant, "cpu", Place(project, offline=True, words=Words()))
    family.seat(Levers(offload=Offload.MODEL))
    came = []
    for request in (painted, image(prompt="blue"), image(prompt="blue", seed=8), painted):
        inputs, before = opened(request, edit_toys.files(CANVAS, HOLE)), len(crowd)
        family.draw(request, inputs, lambda *_, **__: None)
        came.append(set().union(*crowd[before:]))
    assert {len(models) for models in crowd} == {1}
    # Of a text that was read before, nothing but the transformer comes, and it is there.
    assert [len(models) for models in came] == [2, 2, 1, 1]
