"""Qwen-Image's stock blocks without what takes time and decides no pixel."""

from functools import partial

import torch
from diffusers import QwenImageTransformer2DModel


def trim(transformer: QwenImageTransformer2DModel) -> None:
    """Leave out of each forward what nothing reads. Its attention processors are set before."""
    for block in transformer.transformer_blocks:
        # The stock layer first asks, each time, which arguments its processor takes.
        block.attn.forward = partial(block.attn.processor, block.attn)
    # Only the picture's tokens leave the last block.
    transformer.transformer_blocks[-1].txt_mlp.forward = _unread


def _unread(tokens: torch.Tensor) -> torch.Tensor:
    return tokens
