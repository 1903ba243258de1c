"""The judge names what is drawn, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from starter import judge
from starter.catalog import Catalog, load_catalog
from starter.judge import Judge
from starter.scenes import BESIDE, FONT, POSES, Scene, compose, draw
from starter.weights import WEIGHTS
from starter.wishes import Relation, Wish

pytestmark = pytest.mark.skipif(not FONT.is_file(), reason="needs fonts-noto-color-emoji")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="module")
def arbiter(catalog: Catalog) -> Judge:
    return judge.load(WEIGHTS.with_name("judge.npz"), catalog)


def _pictures(scenes: list[Scene]) -> Tensor:
    drawn = np.stack([draw(scene, 128, FONT) for scene in scenes])
    return torch.from_numpy(drawn).permute(0, 3, 1, 2).float() / 255


def _shifted(scene: Scene) -> Scene:
    items = (replace(item, x=item.x + 0.012, scale=item.scale * 0.97) for item in scene.items)
    return replace(scene, items=tuple(items))


def test_things_counts_and_backgrounds_are_told(arbiter: Judge, catalog: Catalog) -> None:
    wishes = [Wish(7 * n % len(catalog.things), n % 12, count=1 + n % 4) for n in range(48)]
    poses = [POSES[n // 4 % len(POSES)] for n in range(48)]
    scenes = [compose(w, catalog, pose) for w, pose in zip(wishes, poses, strict=True)]
    found = arbiter.look(_pictures([_shifted(scene) for scene in scenes]))
    assert found.things.tolist() == [wish.thing for wish in wishes]
    assert found.counts.tolist() == [wish.count for wish in wishes]
    assert found.backgrounds.tolist() == [wish.background for wish in wishes]


def test_each_of_two_things_is_told_at_its_place(arbiter: Judge, catalog: Catalog) -> None:
    relations = tuple(Relation)
    wishes = [Wish(3 * n, n, other=5 * n + 40, relation=relations[n % 4]) for n in range(12)]
    pictures = _pictures([_shifted(compose(wish, catalog)) for wish in wishes])
    first = arbiter.look_at(pictures, [BESIDE[wish.relation][0] for wish in wishes])
    second = arbiter.look_at(pictures, [BESIDE[wish.relation][1] for wish in wishes])
    assert first.tolist() == [wish.thing for wish in wishes]
    assert second.tolist() == [wish.other for wish in wishes]


def test_the_bank_that_ships_is_the_one_the_catalog_gives(catalog: Catalog) -> None:
    few = replace(catalog, things=catalog.things[:3])
    fresh = judge.build_bank(few, 128, FONT)
    with np.load(WEIGHTS.with_name("judge.npz")) as kept:
        assert len(kept["whole"]) == len(catalog.things) * (len(fresh["whole"]) // 3)
        assert np.array_equal(kept["whole"][: len(fresh["whole"])], fresh["whole"])
        assert np.array_equal(kept["single"][:3], fresh["single"])
