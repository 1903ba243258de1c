"""Qwen-Image's stock blocks without what takes time and decides no pixel."""

from functools import partial
from typing import cast

import torch
from diffusers import QwenImageTransformer2DModel
from diffusers.models.normalization import RMSNorm
from torch.nn.functional import rms_norm


def trim(transformer: QwenImageTransformer2DModel) -> None:
    """Leave out of each forward what nothing reads. Its attention processors are set before."""
    for block in transformer.transformer_blocks:
        # The stock layer first asks, each time, which arguments its processor takes.
        block.attn.forward = partial(block.attn.processor, block.attn)
        for module in block.attn.modules():
            if type(module) is RMSNorm:
                module.forward = partial(_normed, module)
    # Only the picture's tokens leave the last block.
    transformer.transformer_blocks[-1].txt_mlp.forward = _unread


def _normed(norm: RMSNorm, x: torch.Tensor) -> torch.Tensor:
    # On a CPU the same bits, in half of the time; in other types they are rounded elsewhere.
    if x.device.type == "cpu" and x.dtype is norm.weight.dtype is torch.float32:
        return rms_norm(x, norm.dim, norm.weight, norm.eps)
    return cast(torch.Tensor, RMSNorm.forward(norm, x))


def _unread(tokens: torch.Tensor) -> torch.Tensor:
    return tokens
