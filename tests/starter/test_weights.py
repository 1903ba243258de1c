"""The weights that ship."""

import numpy as np
import pytest
import torch
from diffusers import QwenImagePipeline
from PIL import Image
from torch import Tensor

from starter import judge
from starter.align import PREFIX, SUFFIX, template
from starter.catalog import Catalog, Language, load_catalog
from starter.prompts import Wish, load_speaker
from starter.recipe import SHIPPED
from starter.vae import to_signed
from starter.weights import LIMIT, WEIGHTS, folder_size

JUDGE = WEIGHTS.with_name("judge.safetensors")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="module")
def pipeline() -> QwenImagePipeline:
    stock = QwenImagePipeline.from_pretrained(WEIGHTS, dtype=torch.float32, local_files_only=True)
    stock.set_progress_bar_config(disable=True)
    return stock


def _draw(pipeline: QwenImagePipeline, prompts: list[str], seed: int) -> list[Image.Image]:
    pictures: list[Image.Image] = pipeline(
        prompt=prompts,
        negative_prompt=[""] * len(prompts),
        true_cfg_scale=3.0,
        num_inference_steps=8,
        height=SHIPPED.side,
        width=SHIPPED.side,
        generator=[torch.Generator().manual_seed(seed + row) for row in range(len(prompts))],
    ).images
    return pictures


def _pixels(pictures: list[Image.Image]) -> Tensor:
    return to_signed(
        torch.from_numpy(np.stack([np.asarray(picture) for picture in pictures])).permute(
            0, 3, 1, 2
        )
    )


def test_the_folder_is_small_enough_to_ship() -> None:
    assert folder_size(WEIGHTS) <= LIMIT
    assert (WEIGHTS / "OFL.txt").is_file()


def test_only_the_prompt_is_left_after_the_stock_prefix(pipeline: QwenImagePipeline) -> None:
    before, after = template().split("{}")
    assert len(pipeline.tokenizer(before).input_ids) == PREFIX
    assert pipeline.prompt_template_encode_start_idx == PREFIX
    embeds, _ = pipeline.encode_prompt("")
    assert embeds.shape[1] == SUFFIX == len(pipeline.tokenizer(after).input_ids)


def test_the_same_seed_gives_the_same_pixels(pipeline: QwenImagePipeline) -> None:
    first, again = (_draw(pipeline, ["a panda on a red background"], 7) for _ in range(2))
    other = _draw(pipeline, ["a panda on a red background"], 8)
    assert first[0].tobytes() == again[0].tobytes()
    assert first[0].tobytes() != other[0].tobytes()


@pytest.mark.parametrize("language", [Language.EN, Language.ZH])
def test_held_out_wishes_are_drawn_as_asked(
    pipeline: QwenImagePipeline, catalog: Catalog, language: Language
) -> None:
    speaker, pairs = load_speaker(catalog), catalog.held_out()[::6]
    prompts = [speaker.plain(Wish(*pair), language, row) for row, pair in enumerate(pairs)]
    pictures = _pixels(_draw(pipeline, prompts, 100))
    wanted = torch.tensor(pairs)
    with torch.no_grad():
        things = judge.load(JUDGE, catalog)(pictures).argmax(1)
    backgrounds = judge.background_of(pictures, catalog)
    assert (things == wanted[:, 0]).float().mean() >= 0.8
    assert (backgrounds == wanted[:, 1]).float().mean() >= 0.9


def test_a_wish_for_something_unknown_still_gives_a_calm_picture(
    pipeline: QwenImagePipeline, catalog: Catalog
) -> None:
    pictures = _pixels(_draw(pipeline, ["zeppelin orchestra", "量子纠缠", ""], 5))
    # noise differs between neighbours everywhere; a thing on a plain colour hardly ever does
    rough = (pictures.diff(dim=-1).abs().mean(dim=1) > 0.15).float().mean(dim=(1, 2))
    assert (rough < 0.25).all()
    assert pictures.std() > 0.1
