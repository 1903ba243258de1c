"""The VAE on single frames, as plain 2-D convolutions over the very same weights.

It owns the walk through the stock modules; for one frame it gives what the stock classes give, at
a fraction of the cost, because a lone frame meets only the last temporal slice of every kernel.
"""

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLQwenImage
from diffusers.models.autoencoders.autoencoder_kl_qwenimage import (
    QwenImageAttentionBlock,
    QwenImageMidBlock,
    QwenImageResample,
    QwenImageResidualBlock,
    QwenImageRMS_norm,
    QwenImageUpBlock,
)
from torch import Tensor, nn


def encode(vae: AutoencoderKLQwenImage, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean and log-variance of the latents of (B, 3, H, W) pixels in -1..1."""
    encoder = vae.encoder
    x = _conv(encoder.conv_in, pixels.contiguous(memory_format=torch.channels_last))
    for layer in encoder.down_blocks:
        x = _layer(layer, x)
    x = _layer(encoder.mid_block, x)
    x = _conv(encoder.conv_out, F.silu(_norm(encoder.norm_out, x)))
    mean, log_variance = _conv(vae.quant_conv, x).chunk(2, dim=1)
    return mean, log_variance.clamp(-30.0, 20.0)


def decode(vae: AutoencoderKLQwenImage, latents: Tensor) -> Tensor:
    """Return (B, 3, H, W) pixels, not clamped, of raw latents."""
    decoder = vae.decoder
    x = latents.contiguous(memory_format=torch.channels_last)
    x = _conv(decoder.conv_in, _conv(vae.post_quant_conv, x))
    x = _layer(decoder.mid_block, x)
    for layer in decoder.up_blocks:
        x = _layer(layer, x)
    pixels: Tensor = _conv(decoder.conv_out, F.silu(_norm(decoder.norm_out, x)))
    return pixels


def _layer(layer: nn.Module, x: Tensor) -> Tensor:
    if isinstance(layer, QwenImageResidualBlock):
        return _residual(layer, x)
    if isinstance(layer, QwenImageResample):
        return _resample(layer, x)
    if isinstance(layer, QwenImageMidBlock):
        x = _attention(layer.attentions[0], _residual(layer.resnets[0], x))
        return _residual(layer.resnets[1], x)
    if isinstance(layer, QwenImageUpBlock):
        for block in layer.resnets:
            x = _residual(block, x)
        return x if layer.upsamplers is None else _resample(layer.upsamplers[0], x)
    raise TypeError(type(layer).__name__)


def _resample(layer: QwenImageResample, x: Tensor) -> Tensor:
    resampled: Tensor = layer.resample(x)  # its temporal convolution never meets a lone frame
    return resampled


def _conv(conv: nn.Conv3d, x: Tensor) -> Tensor:
    kernel = conv.weight[:, :, -1]
    return F.conv2d(x, kernel, conv.bias, padding=kernel.shape[-1] // 2)


def _norm(norm: QwenImageRMS_norm, x: Tensor) -> Tensor:
    length = torch.rsqrt(x.square().sum(1, keepdim=True) + 1e-12)
    scale: Tensor = norm.gamma * norm.scale
    return x * length * scale.view(1, -1, 1, 1)


def _residual(block: QwenImageResidualBlock, x: Tensor) -> Tensor:
    shortcut = x if isinstance(block.conv_shortcut, nn.Identity) else _conv(block.conv_shortcut, x)
    x = _conv(block.conv1, F.silu(_norm(block.norm1, x)))
    x = _conv(block.conv2, F.silu(_norm(block.norm2, x)))
    return x + shortcut


def _attention(block: QwenImageAttentionBlock, x: Tensor) -> Tensor:
    batch, channels, height, width = x.shape
    tokens = block.to_qkv(_norm(block.norm, x)).flatten(2).transpose(1, 2)
    query, key, value = (part[:, None] for part in tokens.chunk(3, dim=-1))
    mixed = F.scaled_dot_product_attention(query, key, value)[:, 0]
    added: Tensor = block.proj(mixed.transpose(1, 2).reshape(batch, channels, height, width))
    return x + added
