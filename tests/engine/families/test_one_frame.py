"""The flattened VAE beside the stock one: the same network, but for the order of its sums.

The weights are the starter's, with noise in the temporal slices that a lone frame never meets.
"""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLQwenImage, QwenImagePipeline
from diffusers.models.autoencoders.autoencoder_kl_qwenimage import QwenImageCausalConv3d
from PIL import Image
from torch import Tensor

from engine.engine import Engine
from engine.families import one_frame
from engine.families.qwen_image import QwenImage
from engine.request import ImageRequest
from engine.variants.catalog import PROJECT, Catalog, Variant
from engine.weights.finding import Place

Request = Callable[..., ImageRequest]
SIZES = ((128, 128), (96, 128), (256, 256))


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def vae(dtype: torch.dtype = torch.float32, *, flat: bool) -> AutoencoderKLQwenImage:
    torch.manual_seed(0)
    read = AutoencoderKLQwenImage.from_pretrained(
        PROJECT / "starter" / "weights", subfolder="vae", local_files_only=True
    )
    with torch.no_grad():
        for module in read.modules():
            if isinstance(module, QwenImageCausalConv3d) and module.kernel_size[0] > 1:
                module.weight[:, :, :-1].normal_(std=float(module.weight[:, :, -1].std()))
    if flat:
        one_frame.flatten(read)
    return read.to(dtype)


def frame(width: int, height: int) -> Tensor:
    """Return gradients and an edge: all levels, smooth and sharp, as one frame in -1..1."""
    across, down = (Image.linear_gradient("L").rotate(angle) for angle in (90, 0))
    edge = Image.radial_gradient("L").point(lambda level: 255 * (level > 90))
    picture = Image.merge("RGB", (across, down, edge)).resize((width, height))
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)
    return pixels[None, :, None].float() / 127.5 - 1


def levels(decoded: Tensor) -> Tensor:
    """Return the 8-bit pixels that a picture gets."""
    return ((decoded.float() / 2 + 0.5) * 255).round().int()


@torch.no_grad()
def through(model: AutoencoderKLQwenImage, latents: Tensor) -> Tensor:
    return levels(model.decode(latents.to(model.dtype)).sample)


@torch.no_grad()
def latents(width: int, height: int) -> Tensor:
    mode: Tensor = vae(flat=False).encode(frame(width, height)).latent_dist.mode()
    return mode


@pytest.mark.parametrize("size", SIZES)
def test_one_value_in_a_thousand_may_move_by_one_level(size: tuple[int, int]) -> None:
    # Sums over a flat kernel are taken in another order than over a deep one; where a value lies
    # between two of the 255 levels, the last bit decides which. About 2 in 100,000 do.
    sent = latents(*size)
    stock, flat = (through(vae(flat=flat), sent) for flat in (False, True))
    moved = (stock - flat).abs()
    assert stock.unique().numel() > 200
    assert moved.max() <= 1
    assert (moved > 0).float().mean() < 1e-3


@pytest.mark.parametrize("size", SIZES)
def test_in_half_precision_it_is_as_near_to_the_full_one_as_the_stock_vae(
    size: tuple[int, int],
) -> None:
    # bfloat16 has 8 bits: the order of sums moves one pixel in ten, either way alike.
    sent = latents(*size)
    exact = through(vae(flat=False), sent)
    stock, flat = (through(vae(torch.bfloat16, flat=flat), sent) for flat in (False, True))
    off, stock_off = ((each - exact).abs().float() for each in (flat, stock))
    assert off.mean() < 1.2 * stock_off.mean()
    assert off.max() <= stock_off.max() + 1


@torch.no_grad()
def test_large_values_do_not_overflow_in_half_precision() -> None:
    strong = torch.full((1, 16, 1, 4, 4), 3000.0, dtype=torch.float16)
    stock, flat = (vae(torch.float16, flat=flat).decoder.norm_out for flat in (False, True))
    assert torch.allclose(stock(strong), flat(strong[:, :, 0])[:, :, None], rtol=1e-2)


@torch.no_grad()
@pytest.mark.parametrize("size", SIZES)
def test_a_picture_is_encoded_as_by_the_stock_vae(size: tuple[int, int]) -> None:
    stock, flat = (vae(flat=flat).encode(frame(*size)).latent_dist for flat in (False, True))
    assert torch.allclose(stock.mean, flat.mean, atol=1e-4)
    assert torch.allclose(stock.logvar, flat.logvar, atol=1e-3)


@torch.no_grad()
def test_tiles_and_slices_are_those_of_the_stock_vae() -> None:
    pictures = torch.cat((frame(256, 128), -frame(256, 128)))
    models = [vae(flat=flat) for flat in (False, True)]
    for model in models:
        model.enable_tiling(96, 96, 64, 64)
        model.enable_slicing()
    (stock, flat) = (model.encode(pictures).latent_dist.mode() for model in models)
    assert torch.allclose(stock, flat, atol=1e-4)
    apart = (through(models[0], stock) - through(models[1], stock)).abs()
    assert apart.max() <= 1
    models[0].disable_tiling()
    assert (through(models[0], stock) - through(models[1], stock)).abs().max() > 1


@torch.no_grad()
@pytest.mark.parametrize("tiled", [False, True])
def test_more_than_one_frame_is_refused(*, tiled: bool) -> None:
    model = vae(flat=True)
    if tiled:
        model.enable_tiling(64, 64, 48, 48)
    film = frame(96, 96).expand(-1, -1, 5, -1, -1)
    sent = latents(96, 96).expand(-1, -1, 2, -1, -1)
    calls = (
        lambda: model.encode(film),
        lambda: model.decode(sent),
        lambda: model.encoder(film),
        lambda: model.post_quant_conv(sent),
    )
    for call in calls:
        with pytest.raises(ValueError, match="one frame"):
            call()
    assert model.decode(sent[:, :, :1]).sample.shape == (1, 3, 1, 96, 96)


def test_it_learns_and_is_saved_as_the_stock_vae() -> None:
    stock, flat = (vae(flat=flat) for flat in (False, True))
    assert all(
        torch.equal(flat.state_dict()[name], value) for name, value in stock.state_dict().items()
    )
    for model in (stock, flat):
        model(frame(64, 64)).sample.square().mean().backward()
    other = dict(flat.named_parameters())
    for name, value in stock.named_parameters():
        assert (value.grad is None) == (other[name].grad is None), name
        if value.grad is not None:
            least = 1e-4 * float(value.grad.abs().max())
            assert torch.allclose(value.grad, other[name].grad, rtol=1e-3, atol=least), name


def test_up_to_the_decoder_the_engine_computes_what_the_stock_pipeline_does(
    toy: Variant, project: Path
) -> None:
    pipeline = QwenImagePipeline.from_pretrained(project / "weights", local_files_only=True)
    ours = QwenImage(toy, "cpu", Place(project, offline=True)).pipe
    drawn = [
        pipe(
            prompt="a red 熊猫",
            negative_prompt="blue",
            true_cfg_scale=3.0,
            width=96,
            height=64,
            num_inference_steps=3,
            generator=torch.Generator("cpu").manual_seed(7),
            output_type="latent",
        ).images
        for pipe in (pipeline, ours)
    ]
    assert torch.equal(*drawn)


def test_starter_pictures_are_those_of_the_stock_pipeline_but_for_single_levels(
    image: Request,
) -> None:
    pipeline = QwenImagePipeline.from_pretrained(
        PROJECT / "starter" / "weights", dtype=torch.float32, local_files_only=True
    )
    request = image(variant="starter", prompt="a panda on red", width=128, height=128, steps=4)
    expected = pipeline(
        prompt=request.prompt,
        width=128,
        height=128,
        num_inference_steps=4,
        true_cfg_scale=1.0,
        generator=torch.Generator("cpu").manual_seed(request.seed),
    ).images[0]
    ours = Engine(device="cpu").draw(Catalog.load(["starter"]).default, request)
    picture = Image.open(io.BytesIO(ours.png))
    apart = np.abs(np.asarray(picture, int) - np.asarray(expected, int))
    assert apart.max() <= 1
    assert (apart > 0).mean() < 1e-3
