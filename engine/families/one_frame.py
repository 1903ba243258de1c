"""Qwen-Image's VAE on lone frames, as the 2-D network that it then is.

It owns how one picture goes through the stock modules, and must not know how they are loaded.
A causal convolution pads the frames before the first with zeros: a lone frame meets the last
temporal slice of each kernel only, and nothing ever reads what is kept of earlier frames.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLQwenImage
from diffusers.models.autoencoders.autoencoder_kl_qwenimage import (
    QwenImageAttentionBlock,
    QwenImageCausalConv3d,
    QwenImageDecoder3d,
    QwenImageEncoder3d,
    QwenImageResample,
    QwenImageRMS_norm,
)
from torch import Tensor, nn

LEAST_SQUARE = 1e-24  # the stock norm divides by a length of at least 1e-12


def flatten(vae: AutoencoderKLQwenImage) -> None:
    """Let a VAE compute lone frames in two dimensions; more than one is a ValueError from then on.

    Weights, their names and its methods stay: it is called, trained and saved as before. Pixels
    are those of the stock arithmetic up to its last bits, as sums are taken in another order.
    """
    for module in vae.modules():
        if type(module) in FORWARDS:
            module.forward = partial(FORWARDS[type(module)], module)
    # The stock one counts convolutions, twice for each picture, for frames that never come.
    vae.clear_cache = partial(_clear_cache, vae)
    for conv in (vae.quant_conv, vae.post_quant_conv):
        conv.forward = partial(_outer_conv, conv)


def _clear_cache(vae: AutoencoderKLQwenImage) -> None:
    vae._conv_idx, vae._enc_conv_idx = [0], [0]
    vae._feat_map, vae._enc_feat_map = [None], [None]


def _half(
    half: nn.Module, x: Tensor, feat_cache: list[Any] | None = None, feat_idx: Any = None
) -> Any:
    # In tiles the stock VAE decodes frame by frame: only its cache tells that one came before.
    if feat_cache is not None:
        _refuse(feat_cache[0] is not None)
        feat_cache[0] = True
    return type(half).forward(half, _lone(x))[:, :, None]


def _outer_conv(conv: nn.Conv3d, x: Tensor) -> Tensor:
    return _conv(conv, _lone(x))[:, :, None]


def _lone(x: Tensor) -> Tensor:
    _refuse(x.shape[2] != 1)
    return x[:, :, 0].contiguous(memory_format=torch.channels_last)


def _refuse(several: bool) -> None:
    if several:
        raise ValueError("this VAE was flattened: it takes one frame, not several")


def _conv(conv: nn.Conv3d, x: Tensor) -> Tensor:
    kernel = conv.weight[:, :, -1]
    return F.conv2d(x, kernel, conv.bias, padding=kernel.shape[-1] // 2)


def _norm(norm: Any, x: Tensor) -> Tensor:
    wide = x.float()
    length = torch.rsqrt(wide.square().sum(1, keepdim=True) + LEAST_SQUARE)
    weight: Tensor = norm.scale * norm.gamma
    return (wide * length).to(x.dtype) * weight.view(-1, 1, 1)


def _resample(layer: Any, x: Tensor) -> Any:
    return layer.resample(x)  # its temporal convolution never meets the first frame


def _attention(block: nn.Module, x: Tensor) -> Tensor:
    mixed: Tensor = type(block).forward(block, x[:, :, None])[:, :, 0]
    return mixed.contiguous(memory_format=torch.channels_last)  # else all that follows is slower


FORWARDS: Mapping[type, Callable[..., Any]] = {
    QwenImageEncoder3d: _half,
    QwenImageDecoder3d: _half,
    QwenImageCausalConv3d: _conv,
    QwenImageRMS_norm: _norm,
    QwenImageResample: _resample,
    QwenImageAttentionBlock: _attention,
}
