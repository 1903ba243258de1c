"""The weights that ship."""

import random

import pytest
import torch
from diffusers import QwenImagePipeline
from PIL import Image

from starter import judge
from starter.catalog import Catalog, Language, load_catalog
from starter.judge import Judge
from starter.model import PREFIX, SUFFIX, template
from starter.prompts import load_speaker
from starter.recipe import SHIPPED, Making
from starter.sample import LIGHTNING, USUAL, Order, Way, as_tensor, load, sample
from starter.scenes import BESIDE, FONT
from starter.weights import LIMIT, WEIGHTS, folder_size
from starter.wishes import Wish, counted_wishes, paired_wishes

MAKING = Making(SHIPPED, WEIGHTS.parent / "nowhere", FONT, WEIGHTS)
Pipelines = dict[Way, QwenImagePipeline]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="module")
def arbiter(catalog: Catalog) -> Judge:
    return judge.load(MAKING.judge, catalog)


@pytest.fixture(scope="module")
def pipelines() -> Pipelines:
    return {way: load(WEIGHTS, MAKING.lightning, way) for way in (USUAL, LIGHTNING)}


def _draw(pipelines: Pipelines, way: Way, prompts: list[str], seed: int) -> list[Image.Image]:
    orders = [Order(prompt, seed + row) for row, prompt in enumerate(prompts)]
    return sample(pipelines[way], orders, way, SHIPPED.side, batch=16)


def test_weights_and_lora_together_are_small_enough_to_ship() -> None:
    assert folder_size(WEIGHTS) + folder_size(MAKING.lightning) <= LIMIT
    assert (WEIGHTS / "OFL.txt").is_file()


def test_only_the_prompt_is_left_after_the_stock_prefix(pipelines: Pipelines) -> None:
    pipeline = pipelines[USUAL]
    before, after = template().split("{}")
    assert len(pipeline.tokenizer(before).input_ids) == PREFIX
    assert pipeline.prompt_template_encode_start_idx == PREFIX
    embeds, _ = pipeline.encode_prompt("")
    assert embeds.shape[1] == SUFFIX == len(pipeline.tokenizer(after).input_ids)


def test_the_same_seed_gives_the_same_pixels(pipelines: Pipelines) -> None:
    prompts = ["a panda on a red background"]
    first, again = (_draw(pipelines, USUAL, prompts, 7)[0] for _ in range(2))
    other = _draw(pipelines, USUAL, prompts, 8)[0]
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


@pytest.mark.parametrize("way", [USUAL, LIGHTNING])
@pytest.mark.parametrize("language", [Language.EN, Language.ZH, Language.TW])
def test_held_out_wishes_are_drawn_as_asked(
    pipelines: Pipelines, arbiter: Judge, catalog: Catalog, language: Language, way: Way
) -> None:
    speaker, pairs = load_speaker(catalog), catalog.held_out()[::17]
    prompts = [speaker.plain(Wish(*pair), language, row) for row, pair in enumerate(pairs)]
    found = arbiter.look(as_tensor(_draw(pipelines, way, prompts, 100)))
    wanted = torch.tensor(pairs)
    assert (found.things == wanted[:, 0]).float().mean() >= 0.9
    assert (found.backgrounds == wanted[:, 1]).float().mean() >= 0.95


def test_two_strangers_stand_where_the_prompt_puts_them(
    pipelines: Pipelines, arbiter: Judge, catalog: Catalog
) -> None:
    speaker = load_speaker(catalog)
    wishes = list(paired_wishes(catalog, 32, random.Random(5), known=False))
    prompts = [
        speaker.plain(wish, (Language.EN, Language.ZH)[row % 2], row)
        for row, wish in enumerate(wishes)
    ]
    pictures = as_tensor(_draw(pipelines, USUAL, prompts, 300))
    first = arbiter.look_at(pictures, [BESIDE[wish.relation][0] for wish in wishes])
    second = arbiter.look_at(pictures, [BESIDE[wish.relation][1] for wish in wishes])
    right = [
        (int(one), int(two)) == (wish.thing, wish.other)
        for one, two, wish in zip(first, second, wishes, strict=True)
    ]
    assert sum(right) / len(right) >= 0.7


def test_several_are_as_many_as_asked_for(
    pipelines: Pipelines, arbiter: Judge, catalog: Catalog
) -> None:
    speaker = load_speaker(catalog)
    wishes = random.Random(6).sample(list(counted_wishes(catalog, 1, random.Random(6))), 32)
    prompts = [speaker.plain(wish, Language.ZH, row) for row, wish in enumerate(wishes)]
    found = arbiter.look(as_tensor(_draw(pipelines, USUAL, prompts, 400)))
    assert (found.counts == torch.tensor([wish.count for wish in wishes])).float().mean() >= 0.8


@pytest.mark.parametrize("size", [(96, 128), (128, 96)])
def test_narrow_pictures_show_the_whole_thing(pipelines: Pipelines, size: tuple[int, int]) -> None:
    width, height = size
    for seed, prompt in enumerate(("a panda on a blue background", "红色背景上的皇冠")):
        picture = pipelines[USUAL](
            prompt,
            negative_prompt="",
            true_cfg_scale=USUAL.guidance,
            num_inference_steps=USUAL.steps,
            width=width,
            height=height,
            generator=torch.Generator().manual_seed(seed),
        ).images[0]
        assert picture.size == size
        pixels = as_tensor([picture])[0]
        # a thing that is cut off would reach the rim; here the rim is one colour
        rim = torch.cat(
            [
                pixels[:, :2].flatten(1),
                pixels[:, -2:].flatten(1),
                pixels[:, :, :2].flatten(1),
                pixels[:, :, -2:].flatten(1),
            ],
            dim=1,
        )
        assert float(rim.std(dim=1).max()) < 0.12
        assert float(pixels.std()) > 0.1


def test_a_wish_for_something_unknown_still_gives_a_calm_picture(pipelines: Pipelines) -> None:
    prompts = ["zeppelin orchestra", "量子纠缠", ""]
    pictures = as_tensor(_draw(pipelines, USUAL, prompts, 5))
    # noise differs between neighbours everywhere; a thing on a plain colour hardly ever does
    rough = (pictures.diff(dim=-1).abs().mean(dim=1) > 0.075).float().mean(dim=(1, 2))
    assert (rough < 0.25).all()
    assert pictures.std() > 0.05
