"""How LoRAs are trained for Qwen-Image: its words, latents and velocity, on the stock parts."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from diffusers.pipelines.qwenimage.pipeline_qwenimage import calculate_shift
from PIL import Image
from torch.nn.utils.rnn import pad_sequence

TOKEN_LIMIT = 1024


class QwenLearning:
    """What a family of a Qwen-Image pipeline needs, to be trained for."""

    pipe: Any

    @property
    def transformer(self) -> torch.nn.Module:
        """Return the transformer."""
        transformer: torch.nn.Module = self.pipe.transformer
        return transformer

    @property
    def device(self) -> torch.device:
        """Return where the pipeline computes."""
        device: torch.device = self.pipe._execution_device
        return device

    @torch.no_grad()
    def words(self, text: str) -> torch.Tensor:
        """Encode a text alone, so that no other one decides its last bits."""
        encoded: torch.Tensor
        encoded, mask = self.pipe.encode_prompt(text, max_sequence_length=TOKEN_LIMIT)
        return encoded[0] if mask is None else encoded[0][mask[0].bool()]

    @torch.no_grad()
    def latents(self, picture: Image.Image) -> torch.Tensor:
        """Encode a picture as one frame, and pack it."""
        pipe, vae = self.pipe, self.pipe.vae
        pixels = pipe.image_processor.preprocess(picture, picture.height, picture.width)
        frame = vae.encode(pixels[:, :, None].to(pipe._execution_device, vae.dtype))
        mean, std = (
            torch.tensor(values, device=pixels.device).view(1, -1, 1, 1, 1)
            for values in (vae.config.latents_mean, vae.config.latents_std)
        )
        found = (frame.latent_dist.mode().float().cpu() - mean) / std
        rows, columns = (side // 2 for side in found.shape[-2:])
        packed: torch.Tensor = pipe._pack_latents(found, 1, found.shape[1], 2 * rows, 2 * columns)
        return packed.view(rows, columns, -1)

    def level(self, share: float, latents: torch.Tensor) -> float:
        """Shift a share as the scheduler does at this size."""
        config = self.pipe.scheduler.config
        shift: float = config.shift
        if config.use_dynamic_shifting:
            rows, columns, _ = latents.shape
            names = ("base_image_seq_len", "max_image_seq_len", "base_shift", "max_shift")
            shift = math.exp(calculate_shift(rows * columns, *(config[name] for name in names)))
        return shift * share / (1 + (shift - 1) * share)

    def velocity(
        self, noisy: torch.Tensor, levels: torch.Tensor, words: Sequence[torch.Tensor]
    ) -> torch.Tensor:
        """Run the transformer on tokens, texts padded to the longest and masked."""
        batch, rows, columns, _ = noisy.shape
        mask = pad_sequence([torch.ones(len(text)) for text in words], batch_first=True)
        found: torch.Tensor = self.pipe.transformer(
            hidden_states=noisy.flatten(1, 2),
            timestep=levels,
            encoder_hidden_states=pad_sequence(list(words), batch_first=True),
            encoder_hidden_states_mask=mask.bool().to(noisy.device),
            img_shapes=[[(1, rows, columns)]] * batch,
            return_dict=False,
        )[0]
        return found.view(noisy.shape)
